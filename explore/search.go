package explore

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// Options say what is explored and how far.
type Options struct {
	// Faulters is the number of faulting tasks; 0 is the setup's own.
	Faulters int
	// Dropped are the rules that are not obeyed.
	Dropped rule.Set
	// Version is the kernel's, as kernel.Resolve takes it; "" is DefaultVersion.
	Version string
	// Profile is run instead of the one that Version names, if it is not nil.
	Profile *kernel.Profile
	// TSO makes stores go through store buffers: see [sim.Controlled.TSO].
	TSO bool
	// Plain turns the reductions off: every interleaving is run.
	Plain bool
	// Bound limits how often a run goes from one task to another; nil is no limit.
	Bound *Bound
	// Budget ends the search when the time has passed; 0 is no limit.
	Budget time.Duration
	// Context ends it when it is cancelled; nil is never.
	Context context.Context
	// Workers is how many runs are made at a time; 0 is one for each processor.
	Workers int
	// Shard of Shards, from 0 on, is the part of the search that is made, together with the
	// others; 0 of 0 is all of it.
	Shard, Shards int
	// Exchange is the directory in which the shards tell each other what they find. It is to
	// be empty, or not there, when the first of them begins.
	Exchange string
	// Progress is called now and then; nil is never.
	Progress func(Stats)

	finalStates map[uint64]bool       // gets the states that runs end in, if not nil
	ignored     func(s Schedule) bool // of a run that went wrong: it does not count; nil for none
}

// DefaultVersion is the version that programs run on unless [Options].Version says
// otherwise.
const DefaultVersion = kernel.Default

// Bound limits how often a run goes from one task to another. What a store buffer does is
// not counted.
type Bound struct {
	Switches    int // at all; AnyNumber is no limit
	Preemptions int // though the one who ran before could go on
}

// AnyNumber of switches may be made.
const AnyNumber = 1 << 15

// Stats count what a search has done.
type Stats struct {
	Runs     int           // programs run, in full or up to a state that was known
	Complete int           // of them, those that were run in full
	States   int           // states found from which there was a choice
	Steps    int           // visible steps taken
	Depth    int           // steps of the longest run, those of the setup apart
	Passes   int           // from the root, each with a better map of the programs
	Done     float64       // how much of the tree is done, from 0 to 1, as far as one can tell
	WaitsFor []int         // other shards, when there is nothing else to do
	Took     time.Duration // so far
}

// Result is what a search has found. Of a search in shards, Stats are those of this one: the
// States of all shards add up to Whole.
type Result struct {
	Stats
	// Covered says that everything was covered, as far as Options ask for it; by all shards
	// together.
	Covered bool
	// Whole is the number of States of all shards, as far as this one has heard of them.
	TotalStates int
	// GaveUp are other shards that gave up, and so this one did.
	GaveUp []int
	// Outcomes are the outcomes of the runs that came to an end, with how often; of all shards,
	// if Covered.
	Outcomes map[string]int
	// Failure is the first run that went wrong, nil if none did.
	Failure *Failure
}

// Failure is a run that went wrong.
type Failure struct {
	Err      error
	Schedule Schedule
	// Bound is what the run keeps to, if [Counterexample] has found it.
	Bound Bound
}

// Search explores the setup. The error says that it could not be run at all.
func Search(setup *Setup, opts Options) (*Result, error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	_, permuted := symmetryGroup(opts.symmetry(setup), opts.Faulters)
	s := &search{setup: setup, opts: opts, start: time.Now(), graph: newFlowGraph(permuted)}
	if err := s.joinGroup(); err != nil {
		return nil, err
	}
	s.reset()
	if opts.reduced() && !opts.TSO {
		w := newWorker(s)
		w.sampleGraph()
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
	return &s.result, s.err
}

// reduced reports whether only some of the interleavings are tried that are possible.
func (o *Options) reduced() bool { return !o.Plain && o.Bound == nil }

// spent reports whether a search is to be given up that has taken so long.
func (o *Options) overBudget(took time.Duration) bool {
	return o.Budget != 0 && took > o.Budget || o.Context != nil && o.Context.Err() != nil
}

// search is what the workers of a search share.
type search struct {
	setup   *Setup
	opts    Options
	start   time.Time
	graph   *flowGraph
	visited *visitedSet
	group   *group // of shards, nil for none

	mu          sync.Mutex
	changed     *sync.Cond // there is a job, or the end has come
	frontier    []workItem
	busy        int
	stop        stopReason
	assumptions []map[query]struct{} // by each worker
	invalidated bool                 // what has been explored may not be all
	err         error
	result      Result
}

// job is a part of the tree that is still to be explored: the branch that path ends in.
type workItem struct{ path []node }

// verdict is why a search ends.
type stopReason int

const (
	running     stopReason = iota // it does not, before everything is covered
	failed                        // a run went wrong
	outOfBudget                   // the budget is
	restart                       // the map of the programs was wrong: begin again with the new one
)

// pass makes a pass through the tree.
func (s *search) runPass() {
	s.result.Passes++
	done := make(chan struct{})
	var workers, courier sync.WaitGroup
	if g := s.group; g != nil {
		s.result.Passes = max(s.result.Passes, g.latestPass)
		if err := g.beginPass(s.result.Passes); err != nil {
			s.fail(err, nil)
		}
		courier.Go(func() { s.exchangeLoop(done) })
	}
	for range s.opts.Workers {
		workers.Go(func() { newWorker(s).work() })
	}
	workers.Wait()
	close(done)
	courier.Wait()
}

// begin makes the search ready to start from the root.
func (s *search) reset() {
	s.visited = newVisitedSet(s.opts.Shard)
	s.frontier, s.busy, s.stop, s.invalidated, s.assumptions = []workItem{{}}, 0, running, false, nil
	s.changed = sync.NewCond(&s.mu)
	s.result.Outcomes = map[string]int{}
	s.result.States, s.result.Complete, s.result.Done, s.result.WaitsFor = 0, 0, 0, nil
}

// take waits for a job. It reports false if there will be none any more.
func (s *search) takeItem() (workItem, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.frontier) == 0 && s.busy > 0 && s.stop == running {
		s.changed.Wait()
	}
	if len(s.frontier) == 0 || s.stop != running {
		return workItem{}, false
	}
	j := s.frontier[len(s.frontier)-1]
	s.frontier = s.frontier[:len(s.frontier)-1]
	s.busy++
	return j, true
}

// finish says that a job is done.
func (s *search) finishItem() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.changed.Broadcast()
}

// hungry reports whether a worker waits for a job.
func (s *search) hasIdleWorker() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.frontier) == 0 && s.busy < s.opts.Workers
}

// offer leaves a job to the other workers.
func (s *search) addItem(j workItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frontier = append(s.frontier, j)
	s.changed.Signal()
}

// end ends the search, unless it has ended already, or the pass.
func (s *search) halt(v stopReason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == running || s.stop == restart {
		s.stop = v
	}
	s.changed.Broadcast()
}

// note adds up what a worker has done since it last did so, and reports whether it is to
// go on.
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

// learn enters trips in the map, and reports whether an answer was wrong that a worker has
// relied on. Other shards are told what is new.
func (s *search) addEdges(trips []edgeRecord) (wrong bool) {
	added, wrong := s.mergeEdges(trips)
	s.queueEdges(added)
	return wrong
}

// enter enters trips, of this shard or another, in the map.
func (s *search) mergeEdges(trips []edgeRecord) (added []edgeRecord, wrong bool) {
	s.mu.Lock()
	asked := s.assumptions
	s.mu.Unlock()
	return s.graph.addEdges(trips, asked)
}

// mislead says that something was explored with a map that was wrong, so that there will
// have to be another pass. It reports whether that is to begin at once: late in a pass there
// is more to learn from its rest.
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

// fail ends the search: with a run that went wrong, or because there can be none.
func (s *search) fail(err error, f *Failure) {
	s.mu.Lock()
	if s.stop == running || s.stop == restart {
		s.err, s.result.Failure = err, f
	}
	s.mu.Unlock()
	s.halt(failed)
}
