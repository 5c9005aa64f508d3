package explore

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// worker makes runs, one after the other. It is the strategy of each: along the path that
// it is on, and then on into the unknown.
type worker struct {
	*search
	scout
	rig   *rig
	world *World
	base  int    // ID of the first task that is explored; -1 while the machine is made ready
	path  []node // the states on the way
	depth int    // how many of them this run has passed
	sched Schedule
	stats Stats

	asked map[question]struct{} // answers that this worker has relied on
	memo  memo

	renaming []sim.Permutation // of the fingerprints
	permuted [][]int           // and of the tasks
	states   []uint64          // scratch
}

// node is a state on the path. Sets of tasks are bit masks.
type node struct {
	crowd
	todo    uint32 // still to be explored from here
	sleep   uint32 // not to be explored: what they would do has been tried before
	done    uint32 // explored from here
	chosen  int
	current int     // who took the step that led here, -1 for nobody
	used    use     // switches and preemptions up to here
	weight  float64 // how much of the whole tree lies behind a branch
	state   uint64  // the fingerprint, if there was a choice
	asleep  uint32  // sleep, as it is with the state
	turn    uint64  // in which order its branches are taken; 0 for the usual one
	lent    bool    // of what lies behind it, something is left to other workers
	given   bool    // all but what lies behind the chosen branch is
}

func newWorker(s *search) *worker {
	w := &worker{search: s, rig: newRig(), asked: map[question]struct{}{}, memo: newMemo()}
	w.renaming, w.permuted = renamings(s.opts.symmetry(s.setup), s.opts.Faulters)
	w.rng = rand.New(rand.NewPCG(1, 2+uint64(s.opts.Shard)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, w.asked)
	return w
}

// work does jobs until there are none.
func (w *worker) work() {
	defer w.rig.close()
	for {
		j, ok := w.take()
		if !ok {
			return
		}
		w.path = j.path
		w.do()
		w.finish()
	}
}

// do explores all that lies behind the path.
func (w *worker) do() {
	for w.run() {
		if w.astray {
			if w.explain() && w.mislead() {
				return
			}
			continue // the same way once more, with a better map
		}
		if w.stats.Runs >= 16 && !w.note(w) {
			return
		}
		if w.hungry() {
			w.share()
		}
		if !w.backtrack() {
			w.note(w)
			return
		}
	}
}

// run runs the program once. It reports false if that has ended the search.
func (w *worker) run() (goOn bool) {
	w.depth, w.base, w.astray, w.trips, w.sched = 0, -1, false, w.trips[:0], w.sched[:0]
	w.atlas.RLock()
	defer w.atlas.RUnlock()
	world, err := w.rig.newWorld(w, w.setup, &w.opts)
	if err != nil {
		w.fail(err, nil)
		return false
	}
	defer world.discard()
	w.world = world
	if !w.opts.Plain || w.opts.finals != nil {
		world.fingerprint(w.renaming, w.permuted)
	}
	w.setup.Tasks(world)
	w.base = firstTask
	failure := world.exec.Settle()
	w.stats.Runs++
	w.stats.Steps += world.exec.Steps()
	w.stats.Depth = max(w.stats.Depth, len(w.sched))
	w.longest = max(w.longest, len(w.sched))
	if errors.Is(failure, sim.ErrAbandoned) {
		w.leaf("", false)
		return true
	}
	if failure == nil {
		failure = world.check(w.setup)
	}
	if failure != nil && (w.opts.ignored == nil || !w.opts.ignored(w.sched)) {
		w.fail(nil, &Failure{Err: failure, Schedule: slices.Clone(w.sched)})
		return false
	}
	w.leaf(world.Outcome(), true)
	return true
}

// leaf counts the branch that the run was on as done, with its outcome if it came to an
// end.
func (w *worker) leaf(outcome string, ended bool) {
	if w.astray || len(w.path) == 0 {
		return
	}
	n := &w.path[len(w.path)-1]
	w.stats.Done += n.weight
	if !ended {
		return
	}
	w.stats.Complete++
	w.mu.Lock()
	w.result.Outcomes[outcome]++
	if w.opts.finals != nil {
		w.states = w.world.states(w.states[:0])
		w.opts.finals[w.states[canonical(w.states)]] = true
	}
	w.mu.Unlock()
}

// Pick implements [sim.Strategy].
func (w *worker) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	if w.base < 0 {
		return enabled[0] // the machine is being made ready
	}
	if w.depth == len(w.path) && !w.astray && !w.arrive(enabled, current) {
		return nil
	}
	var chosen *sim.Task
	if w.astray {
		chosen = w.wander(enabled)
	} else {
		n := &w.path[w.depth]
		w.depth++
		chosen = w.taskAt(enabled, n.chosen)
		if chosen == nil {
			panic(fmt.Sprintf("explore: the program is not deterministic: task %d cannot go on at step %d", n.chosen, w.depth))
		}
	}
	w.world.observe(chosen)
	w.sched = append(w.sched, chosen.Name())
	return chosen
}

// buffers are the numbers of the store buffers in sets of tasks: each has its task's, that
// much higher.
const (
	firstBuffer = maxTasks / 2
	buffers     = uint32(1<<maxTasks - 1<<firstBuffer)
)

// number is a task's number in sets of tasks.
func (w *worker) number(t *sim.Task) int {
	if t.BufferOf() != nil {
		return t.ID() - w.base + firstBuffer
	}
	return t.ID() - w.base
}

func (w *worker) taskAt(enabled []*sim.Task, number int) *sim.Task {
	for _, t := range enabled {
		if w.number(t) == number {
			return t
		}
	}
	return nil
}

// arrive enters a state that this path has not been in. It reports false if there is
// nothing to explore from it.
func (w *worker) arrive(enabled []*sim.Task, current *sim.Task) bool {
	n := w.next()
	n.current, n.weight = -1, 1
	if current != nil && current.ID() >= w.base {
		n.current = current.ID() - w.base
	}
	for _, t := range enabled {
		n.ready |= 1 << w.number(t)
	}
	switch {
	case w.opts.Plain:
		n.todo = n.ready
	case w.opts.Bound != nil:
		w.arriveBounded(n)
	case w.opts.TSO:
		n.steps = w.world.stepsOf(enabled, w.number, n.steps)
		w.arriveReduced(n)
	default:
		if !w.orient(n) || w.roving {
			w.stray(n.crowd)
			w.path = w.path[:w.depth]
			return true
		}
		w.arriveReduced(n)
	}
	if w.depth > 0 {
		n.weight = w.path[w.depth-1].weight
	}
	if n.todo == 0 {
		w.path = w.path[:w.depth]
		return false
	}
	n.weight /= float64(bits.OnesCount32(n.todo))
	n.choose()
	return true
}

// next is a new node at the end of the path, with the memory of one that was there
// before.
func (w *worker) next() *node {
	if len(w.path) < cap(w.path) {
		w.path = w.path[:len(w.path)+1]
	} else {
		w.path = append(w.path, node{})
	}
	n := &w.path[len(w.path)-1]
	*n = node{crowd: crowd{stands: n.stands[:0], steps: n.steps[:0], asked: w.asked}}
	return n
}

// arriveBounded decides what to explore from a state with bounds on switches and
// preemptions.
func (w *worker) arriveBounded(n *node) {
	if w.depth > 0 {
		n.used = w.path[w.depth-1].spent()
	}
	if w.opts.Bound.Switches == AnyNumber {
		n.used &^= 0xffff // or what has been explored after more switches would be explored again
	}
	w.states = w.world.states(w.states[:0])
	state := w.states[0] + uint64(n.current+2)*0x9e3779b97f4a7c15
	before, known := w.seen.visit(state, uint32(n.used), func(old, now uint32) uint32 {
		if use(now).within(use(old)) {
			return now
		}
		return old
	})
	if known && use(before).within(n.used) {
		return
	}
	for rest := n.ready; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros32(rest)
		n.chosen = i
		if n.spent().within(w.opts.Bound.use()) {
			n.todo |= 1 << i
		}
	}
}

// use is how many switches and preemptions there have been: two numbers of 16 bits.
type use uint32

func (b Bound) use() use { return use(b.Preemptions)<<16 | use(b.Switches) }

// within reports whether neither number is greater than the other's.
func (u use) within(v use) bool { return u>>16 <= v>>16 && u&0xffff <= v&0xffff }

// spent is what has been used when the chosen task has taken its step.
func (n *node) spent() use {
	u := n.used
	if n.current >= 0 && n.chosen != n.current && buffers&(1<<n.chosen) == 0 {
		u++
		if n.ready&(1<<n.current) != 0 {
			u += 1 << 16 // who ran before could go on
		}
	}
	return u
}

// choose picks the next task to explore: the one that ran before, if possible, so that
// runs with few switches come first. Shards after the first one choose differently.
func (n *node) choose() {
	set := n.todo
	switch {
	case n.turn != 0:
		for range n.turn >> 32 % uint64(bits.OnesCount32(set)) {
			set &= set - 1
		}
	case n.current >= 0 && n.todo&(1<<n.current) != 0:
		set = 1 << n.current
	}
	n.chosen = bits.TrailingZeros32(set)
	n.todo &^= 1 << n.chosen
}

// backtrack goes back to the last state from which something is left to explore, and
// reports false if there is none.
func (w *worker) backtrack() bool {
	for len(w.path) > 0 {
		n := &w.path[len(w.path)-1]
		n.done |= 1 << n.chosen
		if n.todo != 0 {
			n.choose()
			return true
		}
		w.through(n)
		w.path = w.path[:len(w.path)-1]
	}
	return false
}

// share leaves the branch nearest to the root that is still to be explored to another
// worker.
func (w *worker) share() {
	for i := range w.path {
		n := &w.path[i]
		if n.todo == 0 {
			continue
		}
		path := make([]node, i+1)
		for k := range path {
			path[k] = w.path[k]
			path[k].todo, path[k].given = 0, true
			w.path[k].lent = true
			path[k].stands = slices.Clone(path[k].stands)
			path[k].steps = slices.Clone(path[k].steps)
		}
		given := &path[i]
		given.done |= 1 << given.chosen
		given.todo = n.todo
		given.choose()
		given.todo = 0
		n.todo &^= 1 << given.chosen
		n.done |= 1 << given.chosen
		w.offer(job{path})
		return
	}
}
