package scenario

import (
	"errors"
	"io"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Run runs a scenario to its end, or to the first finding. The error is a mistake in the
// scenario; failed expectations are in the report.
func Run(file *syntax.File, opts Options) (*Report, error) {
	s, err := NewSession(file, opts)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Run(nil)
}

// Run runs the remaining statements, and calls each with every result before the next
// statement runs, unless each is nil. An error of each ends the run. The report has the
// results up to an error.
func (s *Session) Run(each func(*Result) error) (*Report, error) {
	report := &Report{File: s.program.file.Name, Kernel: s.Kernel()}
	for {
		r, err := s.Next()
		report.Steps = s.Steps()
		if errors.Is(err, io.EOF) {
			if report.Finding() == nil {
				report.Sleepers = s.sleepers()
			}
			return report, nil
		}
		if err != nil {
			return report, err
		}
		report.Results = append(report.Results, *r)
		if each != nil {
			if err := each(r); err != nil {
				return report, err
			}
		}
	}
}

// Update returns the scenario's text with the answers of the report as the expected ones.
// The report must be of a run of that file. The parallel block and the conditions stay as
// they are: the run is one of many.
func (r *Report) Update(file *syntax.File) []byte {
	answers := map[int]syntax.Answer{}
	for i := range r.Results {
		if r.Results[i].fixed {
			continue
		}
		answers[i] = syntax.Answer{Text: r.Results[i].Answer, Block: r.Results[i].Block}
	}
	return file.Rewrite(answers)
}
