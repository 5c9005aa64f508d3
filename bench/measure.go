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
	// Time is how long a row is measured on the slower side. It gets 15 samples at least.
	Time time.Duration
	// Only keeps the rows whose names contain it.
	Only string
	// NoKernel leaves the running kernel out.
	NoKernel bool
	// Progress, if not nil, is told what is measured next.
	Progress func(what string)
}

func (o *Options) wants(name string) bool { return strings.Contains(name, o.Only) }

func (o *Options) begin(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

// A median is taken of at least minSamples, and of maxSamples at most.
const minSamples, maxSamples = 15, 2000

// Stat are the samples of one side of a row.
type Stat struct {
	Median  float64 `json:"median"` // nanoseconds, bytes or times, as the row says
	Low     float64 `json:"low"`    // the first quartile
	High    float64 `json:"high"`   // the third
	Samples int     `json:"samples"`
}

// statOf sums samples up.
func statOf(samples []float64) *Stat {
	slices.Sort(samples)
	quantile := func(q float64) float64 { // between two samples, in proportion
		at := q * float64(len(samples)-1)
		i := int(at)
		if i+1 == len(samples) {
			return samples[i]
		}
		return samples[i] + (at-float64(i))*(samples[i+1]-samples[i])
	}
	return &Stat{Median: quantile(.5), Low: quantile(.25), High: quantile(.75), Samples: len(samples)}
}

// side is one of the two that a row compares.
type side struct {
	run     func(part func() (float64, error)) (float64, error) // around all that it does
	world   world
	sample  func() (float64, error)
	samples []float64
	spent   time.Duration
}

func plainly(part func() (float64, error)) (float64, error) { return part() }

// open prepares a row in a world of its own.
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

// measure runs a row on the model, and on the kernel in turn if it can be asked: why not, the Line says.
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
	runtime.GC() // what the preparations left is not to be swept in a sample
	for _, s := range sides {
		if err := s.take(); err != nil { // to warm up
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

// repeat takes samples of what has no kernel to be compared with.
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

// Run measures everything that the options ask for.
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
