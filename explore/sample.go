package explore

import (
	"math/rand/v2"
	"time"

	"github.com/uffdsim/uffdsim/sim"
)

// Sample runs the setup in random interleavings until the budget has passed or one goes
// wrong: for setups that are too large to be covered. The same seed makes the same runs.
func Sample(setup *Setup, opts Options, seed uint64) (*Result, error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	result := &Result{Outcomes: map[string]int{}}
	p := &walk{rng: rand.New(rand.NewPCG(seed, 0x77616c6b))}
	start := time.Now()
	for opts.Budget == 0 || result.Took < opts.Budget {
		p.world, p.schedule = nil, nil
		w, err := newWorld(p, opts.Faulters, opts.Dropped)
		if err != nil {
			return nil, err
		}
		p.world = w
		setup.Tasks(w)
		failure := w.exec.Settle()
		if failure == nil {
			result.Outcomes[w.Outcome()]++
			failure = w.check(setup)
			w.exec.Stop()
		}
		result.Runs++
		result.Steps += w.exec.Steps()
		result.Depth = max(result.Depth, len(p.schedule))
		result.Took = time.Since(start)
		if failure != nil {
			result.Failure = &Failure{Err: failure, Schedule: p.schedule}
			return result, nil
		}
		if opts.Progress != nil && result.Runs%1024 == 0 {
			opts.Progress(result.Stats)
		}
	}
	return result, nil
}

// walk is the strategy that picks at random and remembers what it picked.
type walk struct {
	rng      *rand.Rand
	world    *World // nil while the machine is made ready
	schedule Schedule
}

// Pick implements [sim.Strategy].
func (p *walk) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if p.world == nil {
		return enabled[0]
	}
	p.world.observe()
	t := enabled[p.rng.IntN(len(enabled))]
	p.schedule = append(p.schedule, t.Name())
	return t
}
