package explore

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// Options say what is explored and how far.
type Options struct {
	// Faulters is the number of faulting tasks; 0 is the setup's own.
	Faulters int
	// Dropped are the rules that are not obeyed.
	Dropped uffd.RuleSet
	// Plain turns the reductions off: every interleaving is run.
	Plain bool
	// Bounded limits the preemptions of a run to Preemptions.
	Bounded     bool
	Preemptions int
	// Budget ends the search when the time has passed; 0 is no limit.
	Budget time.Duration
	// Progress is called now and then; nil is never.
	Progress func(Stats)
}

// Stats count what a search has done.
type Stats struct {
	Runs   int           // programs run, in full or up to a state that was known
	States int           // states found
	Steps  int           // visible steps taken
	Depth  int           // steps of the longest run, those of the setup apart
	Took   time.Duration // so far
}

// Result is what a search has found.
type Result struct {
	Stats
	// Complete says that everything was covered, as far as Options ask for it.
	Complete bool
	// Outcomes are the outcomes of the runs that came to an end, with how often.
	Outcomes map[string]int
	// Failure is the first run that went wrong, nil if none did.
	Failure *Failure
}

// Failure is a run that went wrong.
type Failure struct {
	Err      error
	Schedule Schedule
}

// Search explores the setup. The error says that it could not be run at all.
func Search(setup *Setup, opts Options) (*Result, error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	s := &search{setup: setup, opts: opts, start: time.Now(), seen: map[uint64]uint32{}}
	s.result.Outcomes = map[string]int{}
	for {
		if err := s.run(); err != nil {
			return nil, err
		}
		s.result.Took = time.Since(s.start)
		if s.result.Failure != nil || !s.backtrack() {
			s.result.Complete = s.result.Failure == nil
			return &s.result, nil
		}
		if opts.Budget != 0 && s.result.Took > opts.Budget {
			return &s.result, nil
		}
		if opts.Progress != nil && s.result.Runs%1024 == 0 {
			opts.Progress(s.result.Stats)
		}
	}
}

// search is a depth-first search. It is the strategy of the runs that it makes.
type search struct {
	setup  *Setup
	opts   Options
	result Result
	start  time.Time

	world *World
	base  int               // ID of the first explored task
	path  []node            // the states on the way
	depth int               // how many of them this run has passed
	seen  map[uint64]uint32 // states: the sleep set, or the preemptions, that they were explored with
}

// node is a state on the path. Sets of tasks are bit masks.
type node struct {
	enabled uint32
	todo    uint32 // still to be explored from here
	sleep   uint32 // not to be explored: what they would do has been tried before
	done    uint32 // explored from here
	chosen  int
	current int // who took the step that led here, -1 for nobody
	used    int // preemptions up to here
	steps   []step
}

// step is what a task is about to do, in terms that hold in every run.
type step struct {
	op  sim.Op
	obj sim.ObjectID
}

// commutes reports whether the order of two steps of different tasks does not matter.
func (a step) commutes(b step) bool {
	return a.obj == 0 || b.obj == 0 || a.obj != b.obj || !a.op.Writes() && !b.op.Writes()
}

// run runs the program once: along the path, and then on into the unknown.
func (s *search) run() error {
	s.depth, s.base = 0, -1
	w, err := newWorld(s, s.opts.Faulters, s.opts.Dropped)
	if err != nil {
		return err
	}
	s.world = w
	if !s.opts.Plain {
		w.exec.Fingerprint()
	}
	s.setup.Tasks(w)
	s.base = w.tasks[0].sim.ID()
	err = w.exec.Settle()
	s.result.Runs++
	s.result.Steps += w.exec.Steps()
	s.result.Depth = max(s.result.Depth, s.depth)
	if errors.Is(err, sim.ErrAbandoned) {
		return nil
	}
	if err == nil {
		s.result.Outcomes[w.Outcome()]++
		err = w.check(s.setup)
		w.exec.Stop()
	}
	if err != nil {
		s.result.Failure = &Failure{Err: err, Schedule: s.schedule()}
	}
	return nil
}

// schedule is the run that has just been made.
func (s *search) schedule() Schedule {
	var sched Schedule
	for _, n := range s.path[:s.depth] {
		sched = append(sched, s.world.tasks[n.chosen].Name)
	}
	return sched
}

// Pick implements [sim.Strategy].
func (s *search) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	if s.base < 0 {
		return enabled[0] // the machine is being made ready
	}
	s.world.observe()
	if s.depth == len(s.path) && !s.arrive(enabled, current) {
		return nil
	}
	n := &s.path[s.depth]
	s.depth++
	for _, t := range enabled {
		if t.ID()-s.base == n.chosen {
			return t
		}
	}
	panic(fmt.Sprintf("explore: the program is not deterministic: task %d cannot go on at step %d", n.chosen, s.depth))
}

// arrive enters a state that this path has not been in. It reports false if there is
// nothing to explore from it.
func (s *search) arrive(enabled []*sim.Task, current *sim.Task) bool {
	n := node{current: -1}
	for _, t := range enabled {
		n.enabled |= 1 << (t.ID() - s.base)
	}
	if current != nil && current.ID() >= s.base {
		n.current = current.ID() - s.base
	}
	switch {
	case s.opts.Plain:
		n.todo = n.enabled
	case s.opts.Bounded:
		s.arriveBounded(&n)
	default:
		s.arriveAsleep(&n, enabled)
	}
	if n.todo == 0 {
		return false
	}
	s.choose(&n)
	s.path = append(s.path, n)
	return true
}

// arriveAsleep decides what to explore from a state with sleep sets.
func (s *search) arriveAsleep(n *node, enabled []*sim.Task) {
	n.steps = make([]step, len(s.world.tasks))
	for _, t := range enabled {
		obj, _ := s.world.exec.ID(t.Next().Obj)
		n.steps[t.ID()-s.base] = step{t.Next().Op, obj}
	}
	if s.depth > 0 {
		parent := &s.path[s.depth-1]
		for rest := parent.sleep | parent.done; rest != 0; rest &= rest - 1 {
			i := bits.TrailingZeros32(rest)
			if parent.steps[i].commutes(parent.steps[parent.chosen]) {
				n.sleep |= 1 << i
			}
		}
	}
	state := s.world.state()
	before, known := s.seen[state]
	if !known {
		s.result.States++
		s.seen[state] = n.sleep
		n.todo = n.enabled &^ n.sleep
		return
	}
	// Seen before, and all but the tasks that slept then has been explored.
	n.todo = n.enabled & before &^ n.sleep
	s.seen[state] = before & n.sleep
}

// arriveBounded decides what to explore from a state with a bound on preemptions.
func (s *search) arriveBounded(n *node) {
	if s.depth > 0 {
		parent := &s.path[s.depth-1]
		n.used = parent.used
		if parent.preempts(parent.chosen) {
			n.used++
		}
	}
	state := s.world.state() + uint64(n.current+2)*0x9e3779b97f4a7c15
	before, known := s.seen[state]
	if known && int(before) <= n.used {
		return
	}
	if !known {
		s.result.States++
	}
	s.seen[state] = uint32(n.used)
	n.todo = n.enabled
	if n.used == s.opts.Preemptions && n.current >= 0 && n.enabled&(1<<n.current) != 0 {
		n.todo = 1 << n.current
	}
}

// preempts reports whether choosing the task takes the CPU from one that could go on.
func (n *node) preempts(chosen int) bool {
	return n.current >= 0 && chosen != n.current && n.enabled&(1<<n.current) != 0
}

// choose picks the next task to explore: the one that ran before, if possible, so that
// runs with few switches come first.
func (s *search) choose(n *node) {
	n.chosen = bits.TrailingZeros32(n.todo)
	if n.current >= 0 && n.todo&(1<<n.current) != 0 {
		n.chosen = n.current
	}
	n.todo &^= 1 << n.chosen
}

// backtrack goes back to the last state from which something is left to explore, and
// reports false if there is none.
func (s *search) backtrack() bool {
	for len(s.path) > 0 {
		n := &s.path[len(s.path)-1]
		n.done |= 1 << n.chosen
		if n.todo != 0 {
			s.choose(n)
			return true
		}
		s.path = s.path[:len(s.path)-1]
	}
	return false
}

// observe looks at the world between two steps.
func (w *World) observe() {
	if !w.releaseNoted && w.Ctx.Released() {
		w.releaseNoted = true
		w.noteRelease()
	}
}

// state is the fingerprint of the machine, and of what has been observed.
func (w *World) state() uint64 {
	h := w.exec.State()
	for i, t := range w.tasks {
		if t.safe {
			h += 0x9e3779b97f4a7c15 << i
		}
	}
	return h
}
