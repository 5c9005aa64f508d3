package explore

import "math/bits"

// MaxPreemptions is the largest number of preemptions that [Counterexample] tries.
const MaxPreemptions = 4

// Counterexample finds the failing run with the fewest preemptions, and among these the
// one with the fewest switches from one task to another. Result.Covered says that the
// searches completed within the budget: then no failing run is shorter, and if there is
// no Failure, no run with up to MaxPreemptions fails. Otherwise a shorter failing run, or
// one at all, may exist.
//
// The number of preemptions rises from 0 until a run fails (M. Musuvathi and S. Qadeer,
// "Iterative context bounding for systematic testing of multithreaded programs", PLDI
// 2007). The bounded searches store states, but use no partial-order reduction, which
// would need changes to respect the bound.
func Counterexample(program Program, opts Options) (*Result, error) {
	bound := Bound{Switches: AnyNumber}
	opts.Bound, opts.Workers = &bound, 1
	total, err := Search(program, opts)
	for err == nil && total.Failure == nil && total.Covered && bound.Preemptions < MaxPreemptions {
		bound.Preemptions++
		total, err = searchMore(program, opts, total)
	}
	if err != nil || total.Failure == nil {
		return total, err
	}
	most := total.Failure.Schedule.Switches()
	total.Failure.Bound = Bound{most, bound.Preemptions}
	for bound.Switches = range most {
		fewer, err := searchMore(program, opts, total)
		switch {
		case err != nil:
			return nil, err
		case fewer.Failure != nil:
			fewer.Covered, fewer.Failure.Bound = true, bound
			return fewer, nil
		}
		total.Stats = fewer.Stats
		if !fewer.Covered {
			return total, nil
		}
	}
	total.Covered = true
	return total, nil
}

// searchMore searches within the rest of the budget after an earlier search, and adds the
// runs, steps and time of that one.
func searchMore(program Program, opts Options, before *Result) (*Result, error) {
	if opts.Budget != 0 {
		opts.Budget = max(opts.Budget-before.Took, 1) // 0 is no limit
	}
	r, err := Search(program, opts)
	if err == nil {
		r.Runs, r.Steps, r.Took = r.Runs+before.Runs, r.Steps+before.Steps, r.Took+before.Took
	}
	return r, err
}

// expandBounded selects the tasks to explore from a state in a bounded search: those
// whose step keeps the run within the bound. It selects none if the state was explored
// with at most as many switches and preemptions before.
func (w *worker) expandBounded(n *node) {
	if w.depth > 0 {
		n.used = w.path[w.depth-1].usageAfter()
	}
	if w.opts.Bound.Switches == AnyNumber {
		n.used &^= 0xffff // else a state reached after fewer switches would be explored again
	}
	w.hashes = w.world.fingerprints(w.hashes[:0])
	hash := w.hashes[0] + uint64(n.current+2)*0x9e3779b97f4a7c15
	before, known := w.visited.visit(hash, uint32(n.used), func(old, now uint32) uint32 {
		if usage(now).within(usage(old)) {
			return now
		}
		return old
	})
	if known && usage(before).within(n.used) {
		return
	}
	for rest := n.enabled; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(rest)
		n.chosen = i
		if n.usageAfter().within(w.opts.Bound.usage()) {
			n.todo |= 1 << i
		}
	}
}

// usage has two numbers of 16 bits: preemptions in the upper half, switches in the lower.
type usage uint32

func (b Bound) usage() usage { return usage(b.Preemptions)<<16 | usage(b.Switches) }

// within reports whether neither number exceeds that of v.
func (u usage) within(v usage) bool { return u>>16 <= v>>16 && u&0xffff <= v&0xffff }

// usageAfter returns the usage after the chosen task's step.
func (n *node) usageAfter() usage {
	u := n.used
	if n.current >= 0 && n.chosen != n.current && buffers&(1<<n.chosen) == 0 {
		u++
		if n.enabled&(1<<n.current) != 0 {
			u += 1 << 16 // the task that ran before is still enabled
		}
	}
	return u
}
