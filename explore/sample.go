package explore

import (
	"math/rand/v2"
	"time"

	"github.com/uffdsim/uffdsim/sim"
)

// Sample runs the program in random interleavings, until the budget is exhausted or a run
// goes wrong. It is for programs that are too large to be covered. The same seed gives
// the same runs. With depth 0 the runs are random walks: each step is that of any enabled
// task, all with the same probability. With a greater depth they follow PCT: see [pct].
func Sample(program Program, opts Options, seed uint64, depth int) (*Result, error) {
	program.complete(&opts)
	result := &Result{Outcomes: map[string]int{}, Witnesses: map[string]Schedule{}}
	p := &sampler{rng: rand.New(rand.NewPCG(seed, 0x77616c6b)), depth: depth, longest: 100}
	start := time.Now()
	factory := newFactory()
	defer factory.close()
	for !opts.overBudget(result.Took) {
		r, err := p.begin(factory, program, &opts)
		if err != nil {
			return nil, err
		}
		r.host.start()
		failure := r.exec.Settle()
		if failure == nil {
			failure = r.check()
		}
		if failure == nil {
			outcome := r.Outcome()
			if result.Outcomes[outcome]++; result.Outcomes[outcome] == 1 {
				result.Witnesses[outcome] = p.schedule
			}
			result.Complete++
		}
		r.discard()
		result.Runs++
		result.Steps += r.exec.Steps()
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

// sampler is a strategy that picks at random and records what it has picked.
type sampler struct {
	rng      *rand.Rand
	depth    int
	longest  int
	pct      *pct // nil for a random walk
	run      *Run // nil during the setup of the machine
	schedule Schedule
}

func (p *sampler) begin(factory *factory, program Program, opts *Options) (r *Run, err error) {
	p.run, p.schedule, p.pct = nil, nil, nil
	if p.depth > 0 {
		p.pct = newPCT(p.rng, p.depth, p.longest)
	}
	r, err = program.newRun(factory, p, opts)
	p.run = r
	return r, err
}

// Pick implements [sim.Strategy].
func (p *sampler) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if p.run == nil {
		return enabled[0]
	}
	var t *sim.Task
	if p.pct != nil {
		t = p.pct.pick(enabled)
	} else {
		t = enabled[p.rng.IntN(len(enabled))]
	}
	p.run.host.observe(t)
	p.schedule = append(p.schedule, t.Name())
	return t
}

// pct is probabilistic concurrency testing (S. Burckhardt, P. Kothari, M. Musuvathi and
// S. Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs",
// ASPLOS 2010). Tasks have random priorities, and the enabled task with the highest one
// takes each step. At depth-1 random steps, the priority change points, that task gets
// the lowest priority. A bug of depth d, that is, one that depends on the order of d
// steps, is found by each run of n tasks and k steps with a probability of at least
// 1/(n*k^(d-1)).
//
// Unlike in the paper, a task that takes too many steps in a row (maxConsecutive) gets
// the lowest priority as well, so that a task that spins cannot starve the task it waits
// for.
type pct struct {
	rng          *rand.Rand
	priority     map[*sim.Task]int
	changePoints map[int]bool
	steps        int
	lowest       int
	last         *sim.Task // the task that took the last step, itself or by its store buffer
	consecutive  int       // number of steps that it has taken in a row
}

// maxConsecutive is the number of steps that a task may take in a row while others are
// enabled. It exceeds the number of steps of every task that does not spin.
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
	mover := t
	if t.BufferOf() != nil {
		mover = t.BufferOf() // else a task and its buffer could alternate forever
	}
	if mover != p.last {
		p.last, p.consecutive = mover, 0
	}
	if p.consecutive++; p.consecutive > maxConsecutive && len(enabled) > 1 {
		p.lowest--
		p.priority[mover], p.consecutive = p.lowest, 0
	}
	return t
}

// first returns the enabled task with the highest priority.
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
