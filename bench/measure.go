package bench

import (
	"cmp"
	"context"
	"fmt"
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
	// Context, if not nil, ends the measurement early: after the sample that is being
	// taken. The row that is being measured then has no line.
	Context context.Context
	// Progress, if not nil, is called with the name of each row before it is measured.
	Progress func(what string)
}

func (o *Options) wants(name string) bool { return strings.Contains(name, o.Only) }

// err returns why the measurement has to end, nil if it does not.
func (o *Options) err() error {
	if o.Context == nil {
		return nil
	}
	return o.Context.Err()
}

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
			if err := cmp.Or(opts.err(), s.take()); err != nil {
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
		if err = cmp.Or(opts.err(), err); err != nil {
			return nil, err
		}
		samples = append(samples, v)
	}
	return statOf(samples), nil
}

// noRowError is the error for rows none of which has the text in its name.
type noRowError struct{ text string }

// Error repeats the text, and lists the rows.
func (e noRowError) Error() string {
	return fmt.Sprintf("no row has %q in its name; the rows are\n  %s", e.text, strings.Join(Names(), "\n  "))
}

// Names returns the names of the rows in the order of the table.
func Names() []string {
	names := []string{pingPongRow}
	for _, r := range rows() {
		names = append(names, r.String())
	}
	for _, r := range alone() {
		names = append(names, r.name)
	}
	return names
}

// Run measures the rows that the options select. If the context ends, it returns its
// error, and the report has the rows that were measured until then.
func Run(opts Options) (*Report, error) {
	if !slices.ContainsFunc(Names(), opts.wants) {
		return nil, noRowError{opts.Only}
	}
	report := newReport()
	err := report.measure(&opts)
	if err != nil && opts.err() == nil {
		return nil, err
	}
	report.check()
	return report, err
}

// measure adds a line for each row that the options select.
func (r *Report) measure(opts *Options) error {
	single := append([]lone{{pingPongRow, "ns", pingPong}}, alone()...)
	for i, l := range single {
		if i == 1 {
			if err := r.compare(opts); err != nil {
				return err
			}
		}
		if !opts.wants(l.name) {
			continue
		}
		opts.begin(l.name)
		stat, err := repeat(opts, l.sample)
		if err != nil {
			return err
		}
		r.add(Line{Name: l.name, Label: l.name, Unit: l.unit, Model: stat})
	}
	return nil
}

// compare adds the rows that the kernel runs, too.
func (r *Report) compare(opts *Options) error {
	for _, row := range rows() {
		if !opts.wants(row.String()) {
			continue
		}
		opts.begin(row.String())
		line, err := measure(&row, opts)
		if err != nil {
			return err
		}
		r.add(line)
	}
	return nil
}
