package explore

import (
	"runtime"
	"sync"
	"time"

	"github.com/uffdsim/uffdsim/explore/lts"
	"github.com/uffdsim/uffdsim/sim"
)

// Search explores the program. It returns an error if the program cannot run.
func Search(program Program, opts Options) (*Result, error) {
	program.complete(&opts)
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	if p, ok := program.(*Standalone); ok && opts.reduced() {
		if err := p.checkSymmetry(&opts); err != nil {
			return nil, err
		}
	}
	s := newSearch(program, opts)
	if err := s.joinGroup(); err != nil {
		return nil, err
	}
	s.reset()
	if s.composes() {
		w := newWorker(s)
		w.learnFirst()
		w.factory.close()
	}
	for s.err == nil && (s.stop == running || s.stop == restart) {
		s.reset()
		s.runPass()
		if s.result.Covered = s.converge(); s.result.Covered {
			break
		}
	}
	s.result.Took = time.Since(s.start)
	s.leaveGroup()
	if s.result.Livelock = s.result.Covered && s.opts.Bound == nil && len(s.result.Outcomes) == 0; s.result.Livelock {
		s.result.IntoCycle = s.intoCycle
	}
	return &s.result, s.err
}

// newSearch returns a search that has not begun. The options must be complete.
func newSearch(program Program, opts Options) *search {
	s := &search{program: program, opts: opts, start: time.Now(), finals: map[uint64]string{}}
	s.perms, s.taskPerms = program.symmetryGroup(&opts)
	s.graph = newFlowGraph(s.taskPerms)
	return s
}

// search is the state that the workers of a search share.
type search struct {
	program Program
	opts    Options
	start   time.Time

	perms     []sim.Permutation // the symmetry group
	taskPerms [][]int           // the same, as permutations of the tasks

	graph   *flowGraph
	system  *lts.System // of a composed search; protected as the graph is
	sites   []site      // by local; protected as the graph is
	watched objectKey   // the word that says whether the context is released, 0 if none
	names   []string    // of the tasks, the same
	visited *visitedSet
	group   *group // of shards, nil if this process searches alone
	started startedTasks

	mu          sync.Mutex // protects the fields below
	changed     *sync.Cond // signals a change of frontier, busy or stop
	frontier    []workItem
	busy        int // workers that explore an item
	stop        stopReason
	assumptions []*assumptions    // of each worker
	finals      map[uint64]string // outcomes of the final states that were checked, by hash
	reexecutes  bool              // the program does what cannot be composed: see composes
	invalidated bool              // an assumption was wrong, so this pass may have missed states
	intoCycle   Schedule          // of a run whose last state is an earlier one of it
	err         error
	result      Result
}

// stopReason is the reason to stop a pass.
type stopReason int

const (
	running     stopReason = iota // none
	failed                        // a run went wrong
	outOfBudget                   // the budget is exhausted, or the search was cancelled
	restart                       // start the next pass: an assumption was wrong, or another shard has started it
)

// runPass makes a pass through the tree.
func (s *search) runPass() {
	s.result.Passes++
	done := make(chan struct{})
	var workers, exchange sync.WaitGroup
	if g := s.group; g != nil {
		s.result.Passes = max(s.result.Passes, g.latestPass)
		if err := g.beginPass(s.result.Passes); err != nil {
			s.fail(err, nil)
		}
		s.exchange() // first what the others have done already
		exchange.Go(func() { s.exchangeLoop(done) })
	}
	for range s.opts.Workers {
		workers.Go(func() { newWorker(s).work() })
	}
	workers.Wait()
	close(done)
	exchange.Wait()
}

// reset prepares the search for a pass from the root.
func (s *search) reset() {
	s.visited = newVisitedSet(s.opts.Shard)
	s.frontier, s.busy, s.stop, s.invalidated, s.assumptions = []workItem{{}}, 0, running, false, nil
	s.changed = sync.NewCond(&s.mu)
	s.result.Outcomes, s.result.Witnesses = map[string]int{}, map[string]Schedule{}
	s.result.States, s.result.Complete, s.result.Done, s.result.WaitsFor = 0, 0, 0, nil
}

// halt stops the pass. The first reason other than restart wins.
func (s *search) halt(reason stopReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == running || s.stop == restart {
		s.stop = reason
	}
	s.changed.Broadcast()
}

// stopped reports whether the pass must stop.
func (s *search) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stop != running
}

// addStats adds a worker's statistics since its last call to those of the search, and
// reports whether the worker must continue.
func (s *search) addStats(w *worker) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.result
	r.Runs += w.stats.Runs
	r.Complete += w.stats.Complete
	r.Steps += w.stats.Steps
	r.Depth = max(r.Depth, w.stats.Depth)
	r.Done += w.stats.Done
	r.Took = time.Since(s.start)
	r.States = s.visited.len()
	w.stats = Stats{}
	if s.opts.overBudget(r.Took) && s.stop == running {
		s.stop = outOfBudget
		s.changed.Broadcast()
	}
	if s.opts.Progress != nil {
		s.opts.Progress(r.Stats)
	}
	return s.stop == running
}

// addEdges adds edges to the graph, and sends the new ones to the other shards. It
// reports whether there were any, and whether an assumption was invalidated. The graph
// must be locked.
func (s *search) addEdges(edges []edgeRecord) (any, wrong bool) {
	added, wrong := s.mergeEdges(edges)
	s.queueEdges(added)
	return len(added) > 0, wrong
}

// mergeEdges adds edges, of this shard or another, to the graph, which must be locked.
func (s *search) mergeEdges(edges []edgeRecord) (added []edgeRecord, wrong bool) {
	s.mu.Lock()
	assumptions := s.assumptions
	s.mu.Unlock()
	return s.graph.addEdges(edges, assumptions)
}

// invalidate records that an assumption of this pass was wrong, so that another pass must
// follow. It reports whether that starts at once. Late in a pass it does not, because the
// rest of the pass finds further edges.
func (s *search) invalidate() (now bool) {
	s.mu.Lock()
	s.invalidated = true
	now = s.visited.len() < 500
	s.mu.Unlock()
	if now {
		s.halt(restart)
	}
	return now
}

// fail stops the search: with a run that went wrong, or with an error if none can run.
func (s *search) fail(err error, f *Failure) {
	s.mu.Lock()
	if s.stop == running || s.stop == restart {
		s.err, s.result.Failure = err, f
	}
	s.mu.Unlock()
	s.halt(failed)
}
