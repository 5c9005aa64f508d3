package bench

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Options say what to measure, and for how long.
type Options struct {
	// Time is how long a row is measured on the slower side. Each row has at least 15
	// samples.
	Time time.Duration
	// Only is a part of the names of the rows to measure.
	Only string
	// NoKernel measures the model only.
	NoKernel bool
	// Progress, if not nil, is called with the name of each row before it is measured.
	Progress func(what string)
}

func (o *Options) wants(name string) bool { return strings.Contains(name, o.Only) }

func (o *Options) begin(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

// The numbers of samples of a median.
const minSamples, maxSamples = 15, 2000

// Stat are the samples of one side of a row.
type Stat struct {
	Median  float64 `json:"median"` // in the unit of the row: nanoseconds, bytes or times
	Low     float64 `json:"low"`    // the first quartile
	High    float64 `json:"high"`   // the third
	Samples int     `json:"samples"`
}

// statOf returns the median and the quartiles of samples.
func statOf(samples []float64) *Stat {
	slices.Sort(samples)
	quantile := func(q float64) float64 { // interpolates between two samples
		at := q * float64(len(samples)-1)
		i := int(at)
		if i+1 == len(samples) {
			return samples[i]
		}
		return samples[i] + (at-float64(i))*(samples[i+1]-samples[i])
	}
	return &Stat{Median: quantile(.5), Low: quantile(.25), High: quantile(.75), Samples: len(samples)}
}

// side is one of the two sides that a row compares.
type side struct {
	run     func(part func() (float64, error)) (float64, error) // calls part
	world   world
	sample  func() (float64, error)
	samples []float64
	spent   time.Duration
}

func plainly(part func() (float64, error)) (float64, error) { return part() }

// open makes a world and prepares a row in it.
func open(r *row, make maker, run func(func() (float64, error)) (float64, error)) (*side, error) {
	s := &side{run: run}
	_, err := run(func() (_ float64, err error) {
		if s.world, err = make(r.nonblock, r.vmas); err == nil {
			s.sample, err = r.run(s.world, r.size)
		}
		return 0, err
	})
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *side) take() error {
	began := time.Now()
	v, err := s.run(s.sample)
	s.spent += time.Since(began)
	s.samples = append(s.samples, v)
	return err
}

func (s *side) close() {
	if s.world != nil {
		s.world.Close()
	}
}

// measure measures a row on the model and on the kernel in turn. If the kernel cannot run
// it, the Line says why.
func measure(r *row, opts *Options) (Line, error) {
	line := Line{Name: r.name, Size: r.size, Label: r.String(), Unit: "ns", AtMost: r.atMost}
	model, err := open(r, newModel, plainly)
	if err != nil {
		return line, err
	}
	defer model.close()
	sides := []*side{model}
	if !opts.NoKernel {
		kernel, err := open(r, newKernel, onKernel)
		if err != nil {
			line.NoKernel = err.Error()
		} else {
			defer kernel.close()
			sides = append(sides, kernel)
		}
	}
	runtime.GC() // no sample must sweep what the preparations left
	for _, s := range sides {
		if err := s.take(); err != nil { // warm up
			return line, err
		}
		s.samples, s.spent = nil, 0
	}
	for spent := time.Duration(0); spent < opts.Time && len(model.samples) < maxSamples || len(model.samples) < minSamples; {
		for _, s := range sides {
			if err := s.take(); err != nil {
				return line, err
			}
			spent = max(spent, s.spent)
		}
	}
	line.Model = statOf(model.samples)
	if len(sides) == 2 {
		line.Kernel = statOf(sides[1].samples)
		line.Ratio = line.Kernel.Median / line.Model.Median
	}
	return line, nil
}

// repeat takes samples of a row without a kernel side.
func repeat(opts *Options, sample func() (float64, error)) (*Stat, error) {
	var samples []float64
	for began := time.Now(); time.Since(began) < opts.Time && len(samples) < maxSamples || len(samples) < minSamples; {
		v, err := sample()
		if err != nil {
			return nil, err
		}
		samples = append(samples, v)
	}
	return statOf(samples), nil
}

var errNothing = errors.New("no row has such a name")

// Run measures the rows that the options select.
func Run(opts Options) (*Report, error) {
	report := newReport()
	if opts.wants(pingPongRow) {
		opts.begin(pingPongRow)
		stat, err := repeat(&opts, pingPong)
		if err != nil {
			return nil, err
		}
		report.add(Line{Name: pingPongRow, Label: pingPongRow, Unit: "ns", Model: stat})
	}
	for _, r := range rows() {
		if !opts.wants(r.String()) {
			continue
		}
		opts.begin(r.String())
		line, err := measure(&r, &opts)
		if err != nil {
			return nil, err
		}
		report.add(line)
	}
	for _, r := range alone() {
		if !opts.wants(r.name) {
			continue
		}
		opts.begin(r.name)
		stat, err := repeat(&opts, r.sample)
		if err != nil {
			return nil, err
		}
		report.add(Line{Name: r.name, Label: r.name, Unit: r.unit, Model: stat})
	}
	if len(report.Lines) == 0 {
		return nil, errNothing
	}
	report.check()
	return report, nil
}
