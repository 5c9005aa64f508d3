package explore

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// inShards runs all shards of a search at once. finals are the final states of all
// shards.
func inShards(setup *Setup, shards int, opts Options) (results []*Result, errs []error, finals map[uint64]bool) {
	results, errs, finals = make([]*Result, shards), make([]error, shards), map[uint64]bool{}
	var all sync.WaitGroup
	each := make([]map[uint64]bool, shards)
	for i := range shards {
		each[i] = map[uint64]bool{}
		opts := opts
		opts.Shard, opts.Shards, opts.finalStates = i, shards, each[i]
		all.Go(func() { results[i], errs[i] = Search(setup, opts) })
	}
	all.Wait()
	for _, states := range each {
		maps.Copy(finals, states)
	}
	return results, errs, finals
}

func outcomesOf(r *Result) []string { return slices.Sorted(maps.Keys(r.Outcomes)) }

// The shards of a search reach the same final states and outcomes as a single process,
// and their counts of states add up.
func TestShardsAddUp(t *testing.T) {
	for _, tc := range []struct {
		setup           string
		shards, workers int
		opts            Options
		long            bool
	}{
		{"kill-read", 2, 1, Options{Faulters: 1}, false},
		{"close", 5, 2, Options{Faulters: 1}, true},
		{"mixed", 2, 2, Options{Faulters: 1}, true},
		{"unregister", 2, 2, Options{Faulters: 2, Version: "6.18"}, false},
		{"kill-close", 2, 1, Options{Faulters: 1, TSO: true}, true},
	} {
		t.Run(fmt.Sprint(tc.setup, " ", tc.shards, " ", tc.workers), func(t *testing.T) {
			skipIfShort(t, tc.long)
			t.Parallel()
			setup := FindSetup(tc.setup)
			opts, finals := tc.opts, map[uint64]bool{}
			opts.finalStates = finals
			whole, err := Search(setup, opts)
			require.NoError(t, err)
			require.True(t, whole.Covered)
			require.Equal(t, whole.States, whole.TotalStates)

			opts.finalStates = nil
			opts.Workers, opts.Exchange = tc.workers, t.TempDir()
			results, errs, sharded := inShards(setup, tc.shards, opts)
			require.Equal(t, finals, sharded)
			states := 0
			for i, r := range results {
				require.NoError(t, errs[i])
				require.True(t, r.Covered)
				require.Nil(t, r.Failure)
				require.Equal(t, outcomesOf(whole), outcomesOf(r))
				require.Equal(t, results[0].Outcomes, r.Outcomes)
				require.Equal(t, results[0].TotalStates, r.TotalStates)
				states += r.States
			}
			require.Equal(t, results[0].TotalStates, states)
		})
	}
}

// A shard skips the states that others have explored: a late one finds that nearly
// everything is done. That may make another pass necessary, which the shards share; then
// try again.
func TestShardsSkipWhatOthersHaveExplored(t *testing.T) {
	for range 20 {
		if lateShardSkips(t) {
			return
		}
	}
	t.Fatal("the late shard has made another pass necessary each time")
}

// lateShardSkips starts a shard when another one has nothing left to do, and compares
// what they have explored. It reports false if there was another pass.
func lateShardSkips(t *testing.T) bool {
	setup, opts := FindSetup("mixed"), Options{Version: "2015+copy", Faulters: 1, Shards: 2, Exchange: t.TempDir()}
	waits := make(chan int, 1) // gets the number of passes
	first := opts
	first.Progress = func(s Stats) {
		if s.WaitsFor != nil {
			select {
			case waits <- s.Passes:
			default:
			}
		}
	}
	var done sync.WaitGroup
	var did *Result
	done.Go(func() {
		var err error
		did, err = Search(setup, first)
		require.NoError(t, err)
	})
	passes := <-waits
	second := opts
	second.Shard = 1
	r, err := Search(setup, second)
	require.NoError(t, err)
	done.Wait()
	require.True(t, did.Covered)
	require.True(t, r.Covered)
	require.Equal(t, did.TotalStates, r.TotalStates)
	require.Equal(t, did.TotalStates, did.States+r.States)
	require.Equal(t, did.Outcomes, r.Outcomes)
	if r.Passes > passes {
		return false
	}
	require.Less(t, r.States, did.States/20, "another order of exploration gives other sleep sets, and so a few new states")
	return true
}

// The outcomes of a shard are those of the last pass, even if that had none.
func TestOutcomesOfAnEarlierPassDoNotCount(t *testing.T) {
	opts := Options{Faulters: 1, Shards: 2, Exchange: t.TempDir()}
	var shards [2]*search
	for i := range shards {
		opts.Shard = i
		shards[i] = newSearch(FindSetup("copy"), opts)
		shards[i].visited = newVisitedSet(i)
		require.NoError(t, shards[i].joinGroup())
	}
	here, there := shards[0], shards[1]
	for pass, outcomes := range []map[string]int{{"t1=A": 3}, {}} {
		for _, s := range shards {
			s.result.Passes = pass + 1
			require.NoError(t, s.group.beginPass(pass+1))
		}
		there.group.reachStage(explored, outcomes)
		there.exchange()
		here.exchange()
		require.Equal(t, explored, here.group.peers[1].stage)
		require.Equal(t, outcomes, here.group.peers[1].outcomes)
	}
}

// A run that goes wrong stops every shard, and each reports one.
func TestShardsShareFailures(t *testing.T) {
	dropped := rule.Of(uffd.ReleaseWakesRead)
	results, errs, _ := inShards(FindSetup("close"), 3, Options{Faulters: 1, Dropped: dropped, Exchange: t.TempDir()})
	for i, r := range results {
		require.NoError(t, errs[i])
		require.False(t, r.Covered)
		require.NotNil(t, r.Failure)
		require.ErrorContains(t, r.Failure.Err, "lost wake-up")
		_, failure, err := Replay(FindSetup("close"), Options{Faulters: 1, Dropped: dropped}, r.Failure.Schedule, nil)
		require.NoError(t, err)
		require.Error(t, failure)
	}
}

// If one shard stops early, the others stop, too: they have skipped states that it has
// not explored completely.
func TestShardsGiveUpTogether(t *testing.T) {
	opts := Options{Faulters: 1, Shards: 2, Exchange: t.TempDir()}
	var all sync.WaitGroup
	for i := range 2 {
		opts := opts
		opts.Shard = i
		if i == 1 {
			opts.Budget = time.Nanosecond
		}
		all.Go(func() {
			r, err := Search(FindSetup("mixed"), opts)
			require.NoError(t, err)
			require.False(t, r.Covered)
			require.Nil(t, r.Failure)
			if i == 0 {
				require.Equal(t, []int{1}, r.GaveUp)
			}
		})
	}
	all.Wait()
}

// A shard that is alone waits for the others, until it is cancelled.
func TestShardWaitsUntilCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	opts := Options{Faulters: 1, Shard: 1, Shards: 3, Exchange: t.TempDir(), Context: ctx}
	opts.Progress = func(s Stats) {
		if s.WaitsFor != nil {
			require.Equal(t, []int{0, 2}, s.WaitsFor)
			cancel()
		}
	}
	r, err := Search(FindSetup("copy"), opts)
	require.NoError(t, err)
	require.False(t, r.Covered)
	require.Equal(t, []int{0, 2}, r.WaitsFor)
	require.Empty(t, r.GaveUp)
}

func TestShardMistakes(t *testing.T) {
	setup := FindSetup("copy")
	_, err := Search(setup, Options{Shards: 2})
	require.ErrorContains(t, err, "shards need a directory")
	_, err = Search(setup, Options{Shard: 2, Shards: 2, Exchange: t.TempDir()})
	require.ErrorContains(t, err, "shard 2 of 2: must be from 0 to 1")
	_, err = Search(setup, Options{Shards: 2, Plain: true, Exchange: t.TempDir()})
	require.ErrorContains(t, err, "shards need a search with reductions")

	opts := Options{Shards: 2, Exchange: t.TempDir(), Budget: time.Nanosecond}
	_, err = Search(setup, opts)
	require.NoError(t, err)
	_, err = Search(setup, opts)
	require.ErrorContains(t, err, filepath.Join(opts.Exchange, "shard-0.jsonl")+" exists")

	opts.Shard, opts.Budget = 1, 0
	_, err = Search(FindSetup("serve"), opts)
	require.ErrorContains(t, err, "shard-0.jsonl is about another subject: copy --faulters 1, 2 shards, program ")
}

// BenchmarkShards measures how well shards divide the work: the steps of the shard that
// takes most, divided by those of a single process.
func BenchmarkShards(b *testing.B) {
	setup, opts := FindSetup("close"), Options{Faulters: 2, Workers: 1}
	whole, err := Search(setup, opts)
	if err != nil || !whole.Covered {
		b.Fatal(err, whole.Failure)
	}
	for _, shards := range []int{2, 4} {
		b.Run(fmt.Sprint(shards), func(b *testing.B) {
			steps := 0
			for b.Loop() {
				most := 0
				opts.Exchange = b.TempDir()
				results, errs, _ := inShards(setup, shards, opts)
				for i, r := range results {
					if errs[i] != nil || !r.Covered {
						b.Fatal(errs[i], r.Failure)
					}
					most = max(most, r.Steps)
				}
				steps += most
			}
			b.ReportMetric(float64(steps)/float64(b.N*whole.Steps), "of-the-steps")
		})
	}
}
