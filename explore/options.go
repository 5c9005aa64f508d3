package explore

import (
	"context"
	"time"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// Options select what is explored, how, and how far.
type Options struct {
	// Faulters is the number of faulting tasks; 0 is the setup's own.
	Faulters int
	// Dropped are the rules that the kernel does not follow.
	Dropped rule.Set
	// Version is a kernel version that kernel.Resolve accepts; "" is DefaultVersion.
	Version string
	// Profile, if not nil, is run instead of the profile that Version names.
	Profile *kernel.Profile
	// Fix is the name of a candidate fix that is applied to the profile: see
	// [kernel.Fixes]. "" is none.
	Fix string
	// TSO delays stores in store buffers: see [sim.Controlled.TSO].
	TSO bool
	// Plain turns all reductions off: the search runs every interleaving.
	Plain bool
	// Bound limits the switches between tasks; nil is no limit.
	Bound *Bound
	// Budget stops the search after this time; 0 is no limit.
	Budget time.Duration
	// Context stops the search when it is cancelled; nil is never.
	Context context.Context
	// Workers is the number of runs at a time; 0 is one for each processor.
	Workers int
	// Shard, from 0 to Shards-1, is the number of this process in a search by Shards
	// processes. If Shards is 0 or 1, this process searches alone.
	Shard, Shards int
	// Exchange is the directory through which the shards exchange messages. It must be
	// empty or missing when the first shard starts.
	Exchange string
	// Progress, if not nil, is called now and then.
	Progress func(Stats)

	finalStates map[uint64]bool           // if not nil, receives the hashes of all final states
	checkLabels bool                      // two live structures with one label are a failure
	ignored     func(s Schedule) bool     // reports whether a failure does not count; nil: all count
	wanted      func(outcome string) bool // if not nil, reports whether a run with the outcome is a failure: see [Reach]
}

// DefaultVersion is the version that programs run on unless [Options].Version says
// otherwise.
const DefaultVersion = kernel.Default

// Bound limits the switches from one task to another in a run. Steps of store buffers do
// not count.
type Bound struct {
	Switches    int // all of them; AnyNumber is no limit
	Preemptions int // those from a task that was enabled
}

// AnyNumber is the value of Bound.Switches that sets no limit.
const AnyNumber = 1 << 15

// Stats are the statistics of a search.
type Stats struct {
	Runs     int           // runs of the program, to an end or to a visited state
	Complete int           // of these, runs to an end
	States   int           // visited states with a choice
	Steps    int           // visible steps
	Depth    int           // steps of the longest run, without those of the setup
	Passes   int           // passes from the root, each with a more complete control-flow graph
	Done     float64       // estimated part of the search tree that was explored, from 0 to 1
	WaitsFor []int         // shards that this one waits for, nil unless it has nothing else to do
	Took     time.Duration // so far
}

// Result is the result of a search. In a search by several shards, Stats are those of
// this shard; the States of all shards add up to TotalStates.
type Result struct {
	Stats
	// Covered says that the shards have together explored everything that Options select.
	Covered bool
	// TotalStates is the number of states that all shards have visited, as far as this
	// one knows.
	TotalStates int
	// GaveUp are the shards that stopped early, and so stopped this one.
	GaveUp []int
	// Outcomes has the outcome of each run to an end, with the number of these runs. If
	// Covered, it is that of all shards.
	Outcomes map[string]int
	// Witnesses has the schedule of the first run of this process to each outcome.
	Witnesses map[string]Schedule
	// Livelock says that the search has Covered a program of which no run reaches an end.
	Livelock bool
	// IntoCycle is then the schedule of a run whose last state is an earlier one of it.
	IntoCycle Schedule
	// Failure is the first run that went wrong, nil if none did.
	Failure *Failure
}

// Failure is a run that went wrong.
type Failure struct {
	Err      error
	Schedule Schedule
	// Bound is the bound that the run respects. Only [Counterexample] sets it.
	Bound Bound
}

// reduced reports whether the search uses reductions.
func (o *Options) reduced() bool { return !o.Plain && o.Bound == nil }

// overBudget reports whether a search must stop that has taken so long, or was cancelled.
func (o *Options) overBudget(took time.Duration) bool {
	return o.Budget != 0 && took > o.Budget || o.Context != nil && o.Context.Err() != nil
}
