package explore

import (
	"maps"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// reference runs every interleaving of a generated program, by enumerating the choices of
// the scheduler. It uses nothing of the search: no fingerprint, no machine, no worker.
type reference struct {
	coroutines sim.Coroutines
	path       []branch // of the current run
	depth      int
}

// branch is a choice of the scheduler.
type branch struct{ enabled, chosen int }

func (r *reference) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	for _, t := range enabled {
		if t.Next().Op == sim.OpStart {
			return t // which has no effect, so it may come first
		}
	}
	if r.depth == len(r.path) {
		r.path = append(r.path, branch{enabled: len(enabled)})
	}
	b := r.path[r.depth]
	r.depth++
	return enabled[b.chosen]
}

// next makes the path that of the next interleaving, and returns false if there is none.
func (r *reference) next() bool {
	for len(r.path) > 0 {
		b := &r.path[len(r.path)-1]
		if b.chosen++; b.chosen < b.enabled {
			return true
		}
		r.path = r.path[:len(r.path)-1]
	}
	return false
}

// everyRun returns what all interleavings find. It is not covered if there are more than
// limit.
func (g generated) everyRun(limit int) (x found) {
	r := &reference{}
	defer r.coroutines.Close()
	outcomes := map[string]bool{}
	for x.runs = 1; ; x.runs++ {
		r.depth = 0
		c := sim.NewControlled(r)
		c.Coroutines = &r.coroutines
		if g.tso {
			c.TSO()
		}
		s := g.newArena(c)
		for i, words := range g.tasks {
			p := g.newPerformer(s)
			p.Task = c.Go(faulterName(i), nil, func(*sim.Task) { g.run(p, words) })
		}
		if c.Settle() != nil {
			x.fails = true
		} else {
			outcomes[g.outcome(s)] = true
		}
		c.Stop()
		if !r.next() {
			x.covered = true
			break
		}
		if x.runs == limit {
			break
		}
	}
	x.outcomes = slices.Sorted(maps.Keys(outcomes))
	return x
}
