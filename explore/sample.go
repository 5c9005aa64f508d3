package explore

import (
	"math/rand/v2"
	"time"

	"github.com/uffdsim/uffdsim/sim"
)

// Sample runs the setup in interleavings that chance chooses, until the budget has passed
// or one goes wrong: for setups that are too large to be covered. The same seed makes the
// same runs. With a depth it is PCT: see [pct]; with 0, each step is anybody's.
func Sample(setup *Setup, opts Options, seed uint64, depth int) (*Result, error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	result := &Result{Outcomes: map[string]int{}}
	p := &sampler{rng: rand.New(rand.NewPCG(seed, 0x77616c6b)), depth: depth, longest: 100}
	start := time.Now()
	factory := newFactory()
	defer factory.close()
	for !opts.overBudget(result.Took) {
		w, err := p.begin(factory, setup, &opts)
		if err != nil {
			return nil, err
		}
		setup.Tasks(w)
		failure := w.exec.Settle()
		if failure == nil {
			failure = w.check(setup)
		}
		if failure == nil {
			result.Outcomes[w.Outcome()]++
			result.Complete++
		}
		w.discard()
		result.Runs++
		result.Steps += w.exec.Steps()
		p.longest = max(p.longest, len(p.schedule))
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

// sampler is the strategy that picks by chance and remembers what it has picked.
type sampler struct {
	rng      *rand.Rand
	depth    int
	longest  int
	pct      *pct   // nil: each step is anybody's
	world    *World // nil while the machine is made ready
	schedule Schedule
}

func (p *sampler) begin(factory *factory, setup *Setup, opts *Options) (w *World, err error) {
	p.world, p.schedule, p.pct = nil, nil, nil
	if p.depth > 0 {
		p.pct = newPCT(p.rng, p.depth, p.longest)
	}
	w, err = factory.newWorld(p, setup, opts)
	p.world = w
	return w, err
}

// Pick implements [sim.Strategy].
func (p *sampler) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if p.world == nil {
		return enabled[0]
	}
	var t *sim.Task
	if p.pct != nil {
		t = p.pct.pick(enabled)
	} else {
		t = enabled[p.rng.IntN(len(enabled))]
	}
	p.world.observe(t)
	p.schedule = append(p.schedule, t.Name())
	return t
}

// pct is probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi and Nagarakatte,
// ASPLOS 2010): the tasks have random priorities, the first of those who can go on goes on,
// and at depth-1 random steps the one who is about to is put behind all others. A bug that
// depends on the order of d steps is met in each run of n tasks and k steps with a
// probability of at least 1/(n*k^(d-1)), if depth is d.
type pct struct {
	rng          *rand.Rand
	priority     map[*sim.Task]int
	changePoints map[int]bool
	steps        int
	lowest       int
	last         *sim.Task // who took the last step, or whose store buffer did
	consecutive  int       // how many steps in a row
}

// maxTurn is how many steps a task may take in a row while others could. More than any task has to do: one that
// needs as many spins, waiting for another, and no scheduler would let it for ever.
const maxConsecutive = 1000

func newPCT(rng *rand.Rand, depth, steps int) *pct {
	p := &pct{rng: rng, priority: map[*sim.Task]int{}, changePoints: map[int]bool{}}
	for range depth - 1 {
		p.changePoints[rng.IntN(steps)] = true
	}
	return p
}

func (p *pct) pick(enabled []*sim.Task) *sim.Task {
	t := p.first(enabled)
	if p.changePoints[p.steps] {
		p.lowest--
		p.priority[t] = p.lowest
		t = p.first(enabled)
	}
	p.steps++
	who := t
	if t.BufferOf() != nil {
		who = t.BufferOf() // the two of them could keep the turn for ever
	}
	if who != p.last {
		p.last, p.consecutive = who, 0
	}
	if p.consecutive++; p.consecutive > maxConsecutive && len(enabled) > 1 {
		p.lowest--
		p.priority[who], p.consecutive = p.lowest, 0
	}
	return t
}

// first is the task with the highest priority.
func (p *pct) first(enabled []*sim.Task) *sim.Task {
	var best *sim.Task
	for _, t := range enabled {
		if _, ok := p.priority[t]; !ok {
			p.priority[t] = 1 + p.rng.IntN(1<<30)
		}
		if best == nil || p.priority[t] > p.priority[best] {
			best = t
		}
	}
	return best
}
