package explore

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/uffdsim/uffdsim/explore/lts"
	"github.com/uffdsim/uffdsim/sim"
)

// worker executes runs, one after the other. Each run re-executes the program along the
// worker's path, whose states cannot be restored, and then continues into states that the
// path has not reached. (P. Godefroid, "Model checking for programming languages using
// VeriSoft", POPL 1997, searches programs by re-execution; VeriSoft stores no states.)
// The worker is the strategy of the executor.
type worker struct {
	*search
	factory  *factory
	world    *Run
	firstID  int    // ID of the first explored task; -1 during the setup of the machine
	path     []node // the states from the root to the current one
	depth    int    // number of these that the current run has passed
	atEnd    *node  // the final state that a descent has reached
	schedule Schedule
	stats    Stats // since the last call of addStats
	longest  int   // steps of the longest run so far
	rng      *rand.Rand
	recorder *lts.Recorder // of a composed search, from the first run on

	startsTasks bool         // the program's tasks start tasks
	composed    bool         // the search composes transitions: see exploreComposed
	assumptions *assumptions // that this worker has made
	cache       stubbornCache

	perms     []sim.Permutation // the symmetry group
	taskPerms [][]int           // the same, as permutations of the tasks
	hashes    []uint64          // scratch memory
}

// node is a state on the path. Sets of tasks are bit masks.
type node struct {
	globalState
	state       lts.State // if the search is composed
	watch       watch     // the same
	todo        uint32    // still to be explored from here
	sleep       uint32    // the sleep set
	done        uint32    // explored from here
	chosen      int       // the task whose step leads to the path's next state
	current     int       // the task whose step led here, -1 if none
	used        usage     // switches and preemptions up to here
	weight      float64   // estimated part of the search tree below one branch
	hash        uint64    // of the orbit's canonical representative; 0 if the state is not stored
	storedSleep uint32    // the sleep set that the visited set has for it
	rotation    uint64    // determines the order of its branches; 0 is the usual order
	split       bool      // a part of its subtree is left to other workers
	partial     bool      // everything except the chosen branch is left to other workers

	choice taskChoice // of the chosen task's step, if it is one
}

func newWorker(s *search) *worker {
	w := &worker{search: s, factory: newFactory(), assumptions: newAssumptions(), cache: newStubbornCache()}
	w.composed = s.composes()
	w.perms, w.taskPerms = s.perms, s.taskPerms
	if w.startsTasks = s.started.known(); w.startsTasks {
		w.perms, w.taskPerms = w.perms[:1], w.taskPerms[:1] // the identity
	}
	w.rng = rand.New(rand.NewPCG(1, 2+uint64(s.opts.Shard)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assumptions = append(s.assumptions, w.assumptions)
	return w
}

// work explores work items until the pass is over.
func (w *worker) work() {
	defer w.factory.close()
	for {
		item, ok := w.takeItem()
		if !ok {
			return
		}
		w.path = item.path
		if w.composed {
			w.exploreComposed()
		} else {
			w.exploreItem()
		}
		w.finishItem()
	}
}

// exploreItem explores the subtree below the path, depth first.
func (w *worker) exploreItem() {
	for w.run() && w.nextBranch() {
	}
}

// nextBranch ends a run, and selects the branch that the next one explores. It returns
// false if there is none, or if the worker must stop.
func (w *worker) nextBranch() bool {
	if w.stats.Runs >= 16 && !w.addStats(w) {
		return false
	}
	if w.hasIdleWorker() {
		w.splitWork()
	}
	if !w.backtrack() {
		w.addStats(w)
		return false
	}
	return true
}

// run executes the program once. It returns false if that has ended the search.
func (w *worker) run() (more bool) {
	w.depth, w.firstID, w.schedule = 0, -1, w.schedule[:0]
	world, err := w.program.newRun(w.factory, w, &w.opts)
	if err != nil {
		w.fail(err, nil)
		return false
	}
	defer world.discard()
	w.world = world
	if !w.opts.Plain || w.opts.finalStates != nil {
		world.enableFingerprints(w.perms, w.taskPerms)
	}
	world.host.start()
	if len(world.tasks) > firstBuffer {
		w.fail(w.tooManyTasks(), nil)
		return false
	}
	w.firstID = world.firstID
	failure := world.exec.Settle()
	w.stats.Runs++
	w.stats.Steps += world.exec.Steps()
	w.stats.Depth = max(w.stats.Depth, len(w.schedule))
	if errors.Is(failure, sim.ErrAbandoned) {
		w.endRun("", false)
		return true
	}
	if failure == nil {
		failure = world.check()
	}
	if failure != nil && (w.opts.ignored == nil || !w.opts.ignored(w.schedule)) {
		w.fail(nil, &Failure{Err: failure, Schedule: slices.Clone(w.schedule)})
		return false
	}
	w.endRun(world.Outcome(), true)
	return true
}

// endRun counts the run's last branch as explored, and the outcome if the run reached its
// end.
func (w *worker) endRun(outcome string, ended bool) {
	if len(w.path) == 0 {
		return // there is nothing to explore
	}
	n := &w.path[len(w.path)-1]
	w.stats.Done += n.branchWeight()
	if !ended {
		return
	}
	w.stats.Complete++
	w.mu.Lock()
	if w.result.Outcomes[outcome]++; w.result.Outcomes[outcome] == 1 {
		w.result.Witnesses[outcome] = w.scheduleOf()
	}
	if !w.composed {
		w.addFinalState(w.world)
	}
	w.mu.Unlock()
}

// addFinalState adds the state of a run to the final states, if they are wanted. The
// search must be locked.
func (w *worker) addFinalState(run *Run) {
	if w.opts.finalStates != nil {
		w.hashes = run.fingerprints(w.hashes[:0])
		w.opts.finalStates[w.hashes[canonical(w.hashes)]] = true
	}
}

// Pick implements [sim.Strategy].
func (w *worker) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	if w.firstID < 0 {
		return enabled[0] // the setup of the machine
	}
	if w.world.startsTasks && !w.admitTasks() {
		return nil
	}
	if w.depth == len(w.path) && !w.expand(enabled, current) {
		return nil
	}
	n := &w.path[w.depth]
	w.depth++
	chosen := w.taskAt(enabled, n.chosen)
	if chosen == nil {
		panic(fmt.Sprintf("explore: the program is not deterministic: task %d is not enabled at step %d", n.chosen, w.depth))
	}
	w.world.host.observe(chosen)
	w.schedule = append(w.schedule, chosen.Name())
	return chosen
}

// maxTasks is the maximum number of tasks: sets of tasks are bit masks.
const maxTasks = 32

// A store buffer's index in sets of tasks is that of its task plus firstBuffer. buffers
// is the set of all store buffers.
const (
	firstBuffer = maxTasks / 2
	buffers     = uint32(1<<maxTasks - 1<<firstBuffer)
)

// indexOf returns a task's index in sets of tasks.
func (w *worker) indexOf(t *sim.Task) int {
	i := t.ID() - w.firstID
	if t.Cloned() {
		i = w.started.of(t.ID())
	}
	if t.BufferOf() != nil {
		i += firstBuffer
	}
	return i
}

// taskAt returns the enabled task with the index, nil if none.
func (w *worker) taskAt(enabled []*sim.Task, index int) *sim.Task {
	for _, t := range enabled {
		if w.indexOf(t) == index {
			return t
		}
	}
	return nil
}

// expand appends the state that the run has reached to the path, selects the tasks to
// explore from it, and chooses the first. It returns false if there is nothing to
// explore.
func (w *worker) expand(enabled []*sim.Task, current *sim.Task) bool {
	n := w.nextNode()
	n.current = -1
	if current != nil && current.ID() >= w.firstID {
		n.current = w.indexOf(current)
	}
	for _, t := range enabled {
		n.enabled |= 1 << w.indexOf(t)
	}
	switch {
	case w.opts.Plain:
		n.todo = n.enabled
	case w.opts.Bound != nil:
		w.expandBounded(n)
	default:
		n.steps = w.world.nextSteps(enabled, w.indexOf, n.steps)
		w.expandReduced(n)
	}
	return w.enter(n)
}

// enter chooses the first task to explore from the last node of the path. If there is
// none, it removes the node, and returns false.
func (w *worker) enter(n *node) bool {
	if n.todo == 0 {
		w.path = w.path[:w.depth]
		return false
	}
	n.weight = 1
	if w.depth > 0 {
		n.weight = w.path[w.depth-1].branchWeight()
	}
	n.weight /= float64(bits.OnesCount32(n.todo))
	n.choose()
	return true
}

// nextNode appends a node to the path. It reuses the memory of an earlier node there.
func (w *worker) nextNode() *node {
	if len(w.path) < cap(w.path) {
		w.path = w.path[:len(w.path)+1]
	} else {
		w.path = append(w.path, node{})
	}
	n := &w.path[len(w.path)-1]
	*n = node{
		globalState: globalState{locations: n.locations[:0], steps: n.steps[:0], assumptions: w.assumptions},
		state:       n.state,
	}
	return n
}

// choose chooses the next task to explore: the one that ran before, if possible, so that
// runs with few switches come first. Each further shard chooses in an order of its own.
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
	n.chosen, n.choice = bits.TrailingZeros32(set), taskChoice{doneBefore: n.done}
	n.todo &^= 1 << n.chosen
}

// backtrack cuts the path back to the last state with a branch still to explore, and
// chooses that branch: a task, or another value of the chosen task's choice. It returns
// false if there is no such state.
func (w *worker) backtrack() bool {
	for len(w.path) > 0 {
		n := &w.path[len(w.path)-1]
		if n.choice.nextValue() {
			return true
		}
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

// splitWork moves one unexplored branch of this worker to the frontier: the one nearest
// to the root, whose subtree is likely the largest.
func (w *worker) splitWork() {
	for i := range w.path {
		n := &w.path[i]
		if n.todo == 0 {
			continue
		}
		path := make([]node, i+1)
		for k := range path {
			path[k] = w.path[k]
			path[k].todo, path[k].partial, path[k].choice.closed = 0, true, true
			w.path[k].split = true
			path[k].locations = slices.Clone(path[k].locations)
			path[k].steps = slices.Clone(path[k].steps)
			path[k].state = lts.State{}
			path[k].state.CopyFrom(&w.path[k].state)
		}
		last := &path[i]
		last.done |= 1 << last.chosen
		last.todo = n.todo
		last.choose()
		last.todo = 0
		n.todo &^= 1 << last.chosen
		n.done |= 1 << last.chosen
		w.addItem(workItem{path})
		return
	}
}
