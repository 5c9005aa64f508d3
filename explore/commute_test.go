package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// Steps that the search takes to be independent commute: if two of them are exchanged in
// a random run, the rest of the run is the same. Otherwise one of the tasks accesses
// something that the other changes, and no step says so.
func TestIndependentStepsCommute(t *testing.T) {
	pairs := 40
	if testing.Short() {
		pairs = 10
	}
	for _, opts := range []Options{{Version: "2015+copy"}, {Version: "6.18"}, {Version: "6.18", TSO: true}} {
		for _, setup := range append(Setups(), forked...) {
			t.Run(fmt.Sprint(setup.Name, opts.Flags()), func(t *testing.T) {
				t.Parallel()
				opts.Faulters = 2 * setup.Faulters
				if slices.Contains(forked, setup) {
					require.Empty(t, exchange(t, setup, opts, 5*pairs))
				} else {
					require.Empty(t, exchange(t, setup, opts, pairs))
				}
			})
		}
	}
}

// An access without a step is found.
func TestUndeclaredAccess(t *testing.T) {
	program := func(load func(w *sim.Word, t *sim.Task) uint64) *Standalone {
		return &Standalone{Name: "undeclared", Tasks: func(r *Run) {
			s := &struct{ data, other sim.Word }{}
			Label(r, s, "shared", 0)
			r.Go("reader", func(t *sim.Task) string {
				s.other.Load(t)
				return fmt.Sprint(load(&s.data, t))
			})
			r.Go("writer", func(t *sim.Task) string { s.data.Store(t, 1); return "" })
		}}
	}
	require.Empty(t, exchange(t, program((*sim.Word).Load), Options{}, 10))
	peek := program(func(w *sim.Word, _ *sim.Task) uint64 { return w.Peek() })
	require.Contains(t, exchange(t, peek, Options{}, 10), "shared.other")
}

// exchange looks for steps of two tasks, enabled in one state of a random run, that the
// search takes to be independent. It takes them in both orders, each followed by the same
// steps, and returns what differs then, "" if nothing does. It tries each pair of steps
// once, up to most pairs.
func exchange(t *testing.T, program Program, opts Options, most int) string {
	const runs, perRun = 100, 10
	rng := rand.New(rand.NewPCG(3, 3))
	factory := newFactory()
	defer factory.close()
	tried := map[[2]announcedStep]bool{}
	for n := 0; n < runs && len(tried) < most; n++ {
		pct := newPCT(rng, 1+rng.IntN(12), 150)
		base := recordRun(t, factory, program, opts, 0, inOrder(nil, pct))
		for range perRun {
			i := rng.IntN(len(base.points))
			for _, pair := range base.points[i].independentPairs() {
				key := pair
				key[0].raw, key[1].raw = sim.Step{}, sim.Step{}
				if tried[key] || len(tried) == most {
					continue
				}
				tried[key] = true
				prefix := base.order()[:i]
				was := recordRun(t, factory, program, opts, i+2, inOrder(slices.Concat(prefix, []string{pair[0].task, pair[1].task}), pct))
				order := was.order()
				order[i], order[i+1] = order[i+1], order[i]
				now := recordRun(t, factory, program, opts, i+2, inOrder(order, nil))
				if d := was.differs(now, i+2); d != "" {
					return fmt.Sprintf("%s and %s are not independent: %s", base.name(pair[0]), base.name(pair[1]), d)
				}
			}
		}
	}
	return ""
}

// inOrder returns a strategy that lets the tasks take steps in the order, and continues
// as rest does. If rest is nil, or a task in the order is not enabled, the run ends.
func inOrder(order []string, rest *pct) func(enabled []*sim.Task, at int) *sim.Task {
	return func(enabled []*sim.Task, at int) *sim.Task {
		if at >= len(order) && rest != nil {
			return rest.pick(enabled)
		}
		k := slices.IndexFunc(enabled, func(t *sim.Task) bool { return at < len(order) && t.Name() == order[at] })
		if k < 0 {
			return nil
		}
		return enabled[k]
	}
}

// recorded is a run with all that another run must agree with.
type recorded struct {
	run     *Run
	points  []recordedPoint
	outcome string
}

// recordedPoint is a state of the run.
type recordedPoint struct {
	hash    uint64
	enabled map[string]announcedStep // by task
	taken   string                   // the task that takes the next step
}

type announcedStep struct {
	task string
	step step
	raw  sim.Step
}

// recordRun runs the program. It takes silent steps at once, and all others as pick says.
// It records the states from step first on.
func recordRun(t *testing.T, factory *factory, program Program, opts Options, first int, pick func(enabled []*sim.Task, at int) *sim.Task) *recorded {
	x := &recorded{}
	moved := map[*sim.Task]int{}
	r, err := program.newRun(factory, pickFunc(func(enabled []*sim.Task, _ *sim.Task) *sim.Task {
		if x.run == nil {
			return enabled[0] // the setup of the machine
		}
		if t := silent(enabled, moved); t != nil {
			return t
		}
		p := recordedPoint{}
		if len(x.points) >= first {
			p.hash, p.enabled = x.run.fingerprints(nil)[0], map[string]announcedStep{}
			for _, t := range enabled {
				p.enabled[t.Name()] = announcedStep{t.Name(), x.run.nextStep(t), t.Next()}
			}
		}
		chosen := pick(enabled, len(x.points))
		if chosen != nil {
			p.taken = chosen.Name()
			moved[chosen] = chosen.Announced()
			x.run.host.observe(chosen)
		}
		x.points = append(x.points, p)
		return chosen
	}), &opts)
	require.NoError(t, err)
	r.enableFingerprints([]sim.Permutation{{}}, [][]int{nil})
	r.host.start()
	x.run = r
	err = r.exec.Settle()
	x.outcome = fmt.Sprint(r.Outcome(), " ", err)
	r.discard()
	return x
}

// silent returns an enabled task whose step no task can tell, nil if none: it returns
// from schedule after it was woken, or from the queue of a semaphore that it was granted,
// or ends after its store buffer was written to memory. Whether there is such a step may
// depend on the order of independent steps, so the runs that are compared take them at
// once. moved has the number of steps that each task had announced when it last took one.
func silent(enabled []*sim.Task, moved map[*sim.Task]int) *sim.Task {
	for _, t := range enabled {
		switch n, ok := moved[t]; t.Next().Op {
		case sim.OpSchedule, sim.OpExit:
			if t.State() == sim.Running {
				return t
			}
		case sim.OpDownRead, sim.OpDownWrite:
			if ok && n == t.Announced() {
				return t
			}
		}
	}
	return nil
}

// order returns the tasks in the order in which they take steps.
func (x *recorded) order() (tasks []string) {
	for _, p := range x.points {
		tasks = append(tasks, p.taken)
	}
	return tasks
}

// independentPairs returns the pairs of enabled steps that are independent.
func (p *recordedPoint) independentPairs() (all [][2]announcedStep) {
	for _, task := range slices.Sorted(maps.Keys(p.enabled)) {
		for _, other := range slices.Sorted(maps.Keys(p.enabled)) {
			a, b := p.enabled[task], p.enabled[other]
			switch {
			case task >= other || !a.step.independent(b.step):
			case a.step.in == b.step.in && readsBytes(a, b):
				// A task that holds a page table's lock reads the entry only. But its
				// history gets the bytes of the page, too, so the two orders lead to
				// states that only seem to differ.
			default:
				all = append(all, [2]announcedStep{a, b})
			}
		}
	}
	return all
}

// readsBytes reports whether one step takes a lock and the other is a store by user mode.
func readsBytes(a, b announcedStep) bool {
	return a.step.op == sim.OpLock && b.step.op == sim.OpAccessWrite || a.step.op == sim.OpAccessWrite && b.step.op == sim.OpLock
}

// differs returns how another run differs from step i on.
func (x *recorded) differs(y *recorded, i int) string {
	for ; i < len(x.points) && i < len(y.points); i++ {
		was, now := x.points[i], y.points[i]
		switch next, before := y.names(now), x.names(was); {
		case next != before && walks(now) == walks(was):
			// The processor has found a page table that is being freed, or not. Its step
			// is on that table or the one above, and both say that no page is there.
			return ""
		case next != before:
			return fmt.Sprintf("the next steps are %s, not %s", next, before)
		case was.hash != now.hash:
			return "the state is another one, at " + before
		}
	}
	if len(x.points) != len(y.points) || x.outcome != y.outcome {
		return fmt.Sprintf("the outcome after %d steps is %s, not after %d %s", len(y.points), y.outcome, len(x.points), x.outcome)
	}
	return ""
}

// names returns the next steps in a state, for comparison and for display.
func (x *recorded) names(p recordedPoint) string {
	var all []string
	for _, task := range slices.Sorted(maps.Keys(p.enabled)) {
		all = append(all, x.name(p.enabled[task]))
	}
	return strings.Join(all, ", ")
}

func (x *recorded) name(s announcedStep) string {
	return fmt.Sprintf("%s of %s by %s", s.raw.Op, x.run.exec.ObjectName(s.raw.Obj), s.task)
}

// walks returns the next steps in a state, without the objects of the processor's
// accesses.
func walks(p recordedPoint) string {
	var all []string
	for _, task := range slices.Sorted(maps.Keys(p.enabled)) {
		s := p.enabled[task]
		if s.step.op == sim.OpAccess || s.step.op == sim.OpAccessWrite {
			s.step.obj, s.step.in = 0, 0
		}
		all = append(all, fmt.Sprint(s.task, s.step))
	}
	return strings.Join(all, ", ")
}
