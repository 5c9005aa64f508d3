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
	randomWalk
	factory  *factory
	world    *World
	firstID  int    // ID of the first task that is explored; -1 while the machine is made ready
	path     []node // the states on the way
	depth    int    // how many of them this run has passed
	schedule Schedule
	stats    Stats

	assumptions map[query]struct{} // answers that this worker has relied on
	cache       stubbornCache

	perms     []sim.Permutation // of the fingerprints
	taskPerms [][]int           // and of the tasks
	states    []uint64          // scratch
}

// node is a state on the path. Sets of tasks are bit masks.
type node struct {
	globalState
	todo        uint32 // still to be explored from here
	sleep       uint32 // not to be explored: what they would do has been tried before
	done        uint32 // explored from here
	chosen      int
	current     int     // who took the step that led here, -1 for nobody
	used        usage   // switches and preemptions up to here
	weight      float64 // how much of the whole tree lies behind a branch
	hash        uint64  // the fingerprint, if there was a choice
	storedSleep uint32  // sleep, as it is with the state
	rotation    uint64  // in which order its branches are taken; 0 for the usual one
	split       bool    // of what lies behind it, something is left to other workers
	partial     bool    // all but what lies behind the chosen branch is
}

func newWorker(s *search) *worker {
	w := &worker{search: s, factory: newFactory(), assumptions: map[query]struct{}{}, cache: newStubbornCache()}
	w.perms, w.taskPerms = symmetryGroup(s.opts.symmetry(s.setup), s.opts.Faulters)
	w.rng = rand.New(rand.NewPCG(1, 2+uint64(s.opts.Shard)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assumptions = append(s.assumptions, w.assumptions)
	return w
}

// work does jobs until there are none.
func (w *worker) work() {
	defer w.factory.close()
	for {
		j, ok := w.takeItem()
		if !ok {
			return
		}
		w.path = j.path
		w.exploreItem()
		w.finishItem()
	}
}

// do explores all that lies behind the path.
func (w *worker) exploreItem() {
	for w.run() {
		if w.offGraph {
			if w.extendGraph() && w.invalidate() {
				return
			}
			continue // the same way once more, with a better map
		}
		if w.stats.Runs >= 16 && !w.addStats(w) {
			return
		}
		if w.hasIdleWorker() {
			w.splitWork()
		}
		if !w.backtrack() {
			w.addStats(w)
			return
		}
	}
}

// run runs the program once. It reports false if that has ended the search.
func (w *worker) run() (goOn bool) {
	w.depth, w.firstID, w.offGraph, w.newEdges, w.schedule = 0, -1, false, w.newEdges[:0], w.schedule[:0]
	w.graph.RLock()
	defer w.graph.RUnlock()
	world, err := w.factory.newWorld(w, w.setup, &w.opts)
	if err != nil {
		w.fail(err, nil)
		return false
	}
	defer world.discard()
	w.world = world
	if !w.opts.Plain || w.opts.finalStates != nil {
		world.enableFingerprints(w.perms, w.taskPerms)
	}
	w.setup.Tasks(world)
	w.firstID = firstTask
	failure := world.exec.Settle()
	w.stats.Runs++
	w.stats.Steps += world.exec.Steps()
	w.stats.Depth = max(w.stats.Depth, len(w.schedule))
	w.longest = max(w.longest, len(w.schedule))
	if errors.Is(failure, sim.ErrAbandoned) {
		w.endRun("", false)
		return true
	}
	if failure == nil {
		failure = world.check(w.setup)
	}
	if failure != nil && (w.opts.ignored == nil || !w.opts.ignored(w.schedule)) {
		w.fail(nil, &Failure{Err: failure, Schedule: slices.Clone(w.schedule)})
		return false
	}
	w.endRun(world.Outcome(), true)
	return true
}

// leaf counts the branch that the run was on as done, with its outcome if it came to an
// end.
func (w *worker) endRun(outcome string, ended bool) {
	if w.offGraph || len(w.path) == 0 {
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
	if w.opts.finalStates != nil {
		w.states = w.world.fingerprints(w.states[:0])
		w.opts.finalStates[w.states[canonical(w.states)]] = true
	}
	w.mu.Unlock()
}

// Pick implements [sim.Strategy].
func (w *worker) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	if w.firstID < 0 {
		return enabled[0] // the machine is being made ready
	}
	if w.depth == len(w.path) && !w.offGraph && !w.expand(enabled, current) {
		return nil
	}
	var chosen *sim.Task
	if w.offGraph {
		chosen = w.walkStep(enabled)
	} else {
		n := &w.path[w.depth]
		w.depth++
		chosen = w.taskAt(enabled, n.chosen)
		if chosen == nil {
			panic(fmt.Sprintf("explore: the program is not deterministic: task %d cannot go on at step %d", n.chosen, w.depth))
		}
	}
	w.world.observe(chosen)
	w.schedule = append(w.schedule, chosen.Name())
	return chosen
}

// buffers are the numbers of the store buffers in sets of tasks: each has its task's, that
// much higher.
const (
	firstBuffer = maxTasks / 2
	buffers     = uint32(1<<maxTasks - 1<<firstBuffer)
)

// number is a task's number in sets of tasks.
func (w *worker) indexOf(t *sim.Task) int {
	if t.BufferOf() != nil {
		return t.ID() - w.firstID + firstBuffer
	}
	return t.ID() - w.firstID
}

func (w *worker) taskAt(enabled []*sim.Task, number int) *sim.Task {
	for _, t := range enabled {
		if w.indexOf(t) == number {
			return t
		}
	}
	return nil
}

// arrive enters a state that this path has not been in. It reports false if there is
// nothing to explore from it.
func (w *worker) expand(enabled []*sim.Task, current *sim.Task) bool {
	n := w.nextNode()
	n.current, n.weight = -1, 1
	if current != nil && current.ID() >= w.firstID {
		n.current = current.ID() - w.firstID
	}
	for _, t := range enabled {
		n.enabled |= 1 << w.indexOf(t)
	}
	switch {
	case w.opts.Plain:
		n.todo = n.enabled
	case w.opts.Bound != nil:
		w.expandBounded(n)
	case w.opts.TSO:
		n.steps = w.world.nextSteps(enabled, w.indexOf, n.steps)
		w.expandReduced(n)
	default:
		if !w.locate(n) || w.walkOnly {
			w.leaveGraph(n.globalState)
			w.path = w.path[:w.depth]
			return true
		}
		w.expandReduced(n)
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
func (w *worker) nextNode() *node {
	if len(w.path) < cap(w.path) {
		w.path = w.path[:len(w.path)+1]
	} else {
		w.path = append(w.path, node{})
	}
	n := &w.path[len(w.path)-1]
	*n = node{globalState: globalState{locations: n.locations[:0], steps: n.steps[:0], assumptions: w.assumptions}}
	return n
}

// arriveBounded decides what to explore from a state with bounds on switches and
// preemptions.
func (w *worker) expandBounded(n *node) {
	if w.depth > 0 {
		n.used = w.path[w.depth-1].usageAfter()
	}
	if w.opts.Bound.Switches == AnyNumber {
		n.used &^= 0xffff // or what has been explored after more switches would be explored again
	}
	w.states = w.world.fingerprints(w.states[:0])
	state := w.states[0] + uint64(n.current+2)*0x9e3779b97f4a7c15
	before, known := w.visited.visit(state, uint32(n.used), func(old, now uint32) uint32 {
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

// use is how many switches and preemptions there have been: two numbers of 16 bits.
type usage uint32

func (b Bound) usage() usage { return usage(b.Preemptions)<<16 | usage(b.Switches) }

// within reports whether neither number is greater than the other's.
func (u usage) within(v usage) bool { return u>>16 <= v>>16 && u&0xffff <= v&0xffff }

// spent is what has been used when the chosen task has taken its step.
func (n *node) usageAfter() usage {
	u := n.used
	if n.current >= 0 && n.chosen != n.current && buffers&(1<<n.chosen) == 0 {
		u++
		if n.enabled&(1<<n.current) != 0 {
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
	case n.rotation != 0:
		for range n.rotation >> 32 % uint64(bits.OnesCount32(set)) {
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
		w.markExplored(n)
		w.path = w.path[:len(w.path)-1]
	}
	return false
}

// share leaves the branch nearest to the root that is still to be explored to another
// worker.
func (w *worker) splitWork() {
	for i := range w.path {
		n := &w.path[i]
		if n.todo == 0 {
			continue
		}
		path := make([]node, i+1)
		for k := range path {
			path[k] = w.path[k]
			path[k].todo, path[k].partial = 0, true
			w.path[k].split = true
			path[k].locations = slices.Clone(path[k].locations)
			path[k].steps = slices.Clone(path[k].steps)
		}
		given := &path[i]
		given.done |= 1 << given.chosen
		given.todo = n.todo
		given.choose()
		given.todo = 0
		n.todo &^= 1 << given.chosen
		n.done |= 1 << given.chosen
		w.addItem(workItem{path})
		return
	}
}
