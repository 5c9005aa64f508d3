package explore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// budget is far more than any of the searches needs, which take milliseconds.
const budget = time.Minute

// Without a rule something goes wrong, and it is what the table of rules says; with it
// nothing does, in any interleaving.
func TestEveryRuleIsNeeded(t *testing.T) {
	// The texts of failures that do not contain the name of the symptom.
	looks := map[rule.Symptom][]string{
		rule.LockMisuse:    {"lock misuse in mmap_lock"},
		rule.WrongState:    {"sleeping lock with a sleep announced"},
		rule.WrongMM:       {"BUG_ON in handle_userfault: the context belongs to another mm"},
		rule.UseAfterFree:  {"use after free", "BUG_ON in userfaultfd_ctx_"},
		rule.DeadlockFound: {"deadlock", "lock order"},
		rule.Unkillable:    {"asleep forever (TASK_UNINTERRUPTIBLE)"},
		rule.QueueDamage:   {"fault_wqh has 1 entries, its index 0", "entry.wq.link has been freed"},
	}
	for _, info := range uffd.Rules() {
		if info.Symptom == rule.Nothing {
			continue
		}
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			setup, err := explore.SetupOf(info)
			require.NoError(t, err)
			opts := explore.Without(info.Rule)
			opts.Budget = budget
			r, err := explore.Exhibit(info.Rule, opts)
			require.NoError(t, err)
			require.NotNil(t, r.Failure, "nothing goes wrong in %s", setup.Name)
			want := looks[info.Symptom]
			if want == nil {
				want = []string{string(info.Symptom)}
			}
			require.True(t, slices.ContainsFunc(want, func(w string) bool {
				return strings.Contains(r.Failure.Err.Error(), w)
			}), "%v: this is not %q; correct the symptom in uffd/rules.diff, or add the text to looks", r.Failure.Err, info.Symptom)

			// The schedule, replayed, fails in the same way.
			_, failure, err := explore.Replay(setup, opts, r.Failure.Schedule, nil)
			require.NoError(t, err)
			require.EqualError(t, failure, r.Failure.Err.Error())
			require.LessOrEqual(t, len(maps.Collect(tasksOf(r.Failure.Schedule))), 4)

			// The failure depends on the rule: the same schedule, as far as it applies,
			// does not fail with the rule.
			_, failure, _ = explore.Replay(setup, explore.With(info.Rule), r.Failure.Schedule, nil)
			require.NoError(t, failure)
		})
	}
}

// A program that does not exist, and one whose setup fails, are errors that name the
// rules.
func TestProgramsThatCannotRun(t *testing.T) {
	for program, hint := range map[string]string{
		"nonsense": "", "unregster": ` (did you mean "unregister"?)`, "unreg": ` (did you mean "unregister"?)`,
	} {
		_, err := explore.SetupOf(rule.Info{Name: "x", Program: program})
		require.EqualError(t, err, fmt.Sprintf("rule x names program %q, which does not exist%s", program, hint))
	}

	fails := &explore.Setup{Name: "fails", Prepare: func(*explore.World, *machine.Task) error { return errno.EINVAL }}
	_, err := explore.Search(fails, explore.Options{Dropped: rule.Of(uffd.PinMM, uffd.SleepKillable)})
	require.ErrorIs(t, err, errno.EINVAL)
	require.ErrorContains(t, err, "the program cannot be set up without ")
	require.ErrorContains(t, err, ", pin-mm: ")
	panics := &explore.Setup{Name: "panics", Prepare: func(*explore.World, *machine.Task) error {
		panic(&sim.Bug{Kind: sim.BugAssert, Where: "prepare", What: "always"})
	}}
	_, err = explore.Search(panics, explore.Options{Dropped: rule.Of(uffd.PinMM)})
	require.EqualError(t, err, "the program cannot be set up without pin-mm: BUG_ON in prepare: always")
}

func tasksOf(s explore.Schedule) func(yield func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for _, name := range s {
			if !yield(name, true) {
				return
			}
		}
	}
}

// Rows E1 to E7 of the rules: dropping one of these changes no outcome, except that a
// fault during a close gets SIGBUS in fewer cases or in none.
func TestRedundantRules(t *testing.T) {
	for _, info := range uffd.Rules() {
		if info.Symptom != rule.Nothing {
			continue
		}
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			setup := explore.SetupFor(info.Rule)
			with, without := cover(t, setup, explore.With(info.Rule)), cover(t, setup, explore.Without(info.Rule))
			for outcome := range without.Outcomes {
				require.Contains(t, with.Outcomes, outcome, "a new outcome")
			}
			for outcome := range with.Outcomes {
				if !strings.Contains(outcome, "SIGBUS") {
					require.Contains(t, without.Outcomes, outcome, "an outcome is missing")
				}
			}
		})
	}
}

// REL-10: a fault during a close gets SIGBUS if either of the two tests of released is in
// place. Without both it never does.
func TestSigbusDuringCloseNeedsOneOfTwoTests(t *testing.T) {
	setup := explore.FindSetup("close-only")
	const bus = "t1=SIGBUS"
	none := rule.Set{}
	require.Contains(t, cover(t, setup, explore.Options{Version: "2015+copy"}).Outcomes, bus)
	require.Contains(t, cover(t, setup, explore.Options{Version: "2015+copy", Dropped: none.With(uffd.FirstReleasedTest)}).Outcomes, bus)
	require.Contains(t, cover(t, setup, explore.Options{Version: "2015+copy", Dropped: none.With(uffd.SecondReleasedTest)}).Outcomes, bus)
	both := none.With(uffd.FirstReleasedTest).With(uffd.SecondReleasedTest)
	require.NotContains(t, cover(t, setup, explore.Options{Version: "2015+copy", Dropped: both}).Outcomes, bus)
	require.NotContains(t, cover(t, setup, explore.Options{Version: "2015+copy", Dropped: none.With(uffd.ReleasedBeforeLock)}).Outcomes, bus)
}

// Mutant 21: a release that wakes first gives a fault a spurious SIGBUS. If faults also
// do not test released before they sleep, a fault may sleep after the wake-up, forever.
func TestWakeBeforeStripLosesAWakeUp(t *testing.T) {
	setup := explore.FindSetup("close-only")
	both := rule.Of(uffd.StripBeforeWake, uffd.SecondReleasedTest)
	r, err := explore.Counterexample(setup, explore.Options{Dropped: both, Budget: budget})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "lost wake-up: t1")
	for _, one := range []rule.Rule{uffd.StripBeforeWake, uffd.SecondReleasedTest} {
		_, failure, _ := explore.Replay(setup, explore.Options{Dropped: rule.Of(one)}, r.Failure.Schedule, nil)
		require.NotContains(t, fmt.Sprint(failure), "lost wake-up", "either alone does not")
	}
}

// The rules have every mutant that takes more than one task, and every mutant that
// changes nothing. Mutants that a single task can see are in property_test/mutate.
func TestEveryConcurrencyMutantIsARule(t *testing.T) {
	rules := map[string]int{}
	for _, info := range uffd.Rules() {
		rules[explore.MutantOf(info.Rule)]++
	}
	delete(rules, "") // the rules of later kernels, and redundant barriers
	want := map[string]int{"4": 2, "15": 2, "22": 2, "40": 2, "E1": 3, "E2": 2}
	for _, number := range strings.Fields(
		"1 2 3 5 6 7 8 9 10 11 12 13 14 16 17 18 19 20 21 24 25 26 27 28 29 31 34 36 37 38 41 58 59 61 62 63 E3 E4 E5 E6 E7") {
		want[number] = 1
	}
	require.Equal(t, want, rules)
}

// With all rules every interleaving of these programs is right.
func TestSmallSetupsAreRight(t *testing.T) {
	for _, name := range []string{
		"copy", "serve", "serve-batch", "poll", "close-only", "kill-close", "kill-wake", "signal", "kill",
		"neighbour", "wake-nothing", "partial", "twice", "unmap", "copy-map", "exit", "pair", "two-pages", "poll-close",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cover(t, explore.FindSetup(name), explore.Options{})
		})
	}
}

// cover fails the test unless the search covers the setup without a failure.
func cover(t *testing.T, setup *explore.Setup, opts explore.Options) *explore.Result {
	opts.Budget = budget
	r, err := explore.Search(setup, opts)
	require.NoError(t, err)
	if r.Failure != nil {
		require.NoError(t, r.Failure.Err, "%v", r.Failure.Schedule)
	}
	require.True(t, r.Covered, "not covered in time: %+v", r.Stats)
	require.NotEmpty(t, r.Outcomes)
	return r
}

// The reductions are sound: a search with reductions finds the same outcomes as one of
// every interleaving, in programs small enough for that.
func TestReductionsKeepEveryOutcome(t *testing.T) {
	flags := func(t *machine.Task, fd int) string {
		f, _ := t.FcntlGetFlags(fd)
		return fmt.Sprintf("%#x", f)
	}
	for name, tasks := range map[string]func(w *explore.World){
		"two writers of one word": func(w *explore.World) {
			w.Go("a", func(t *machine.Task) string { _ = t.FcntlSetFlags(w.Fd, abi.ONonblock); return flags(t, w.Fd) })
			w.Go("b", func(t *machine.Task) string { return flags(t, w.Fd) })
		},
		"close and use": func(w *explore.World) {
			w.Go("a", func(t *machine.Task) string { return fmt.Sprint(t.Close(w.Fd)) })
			w.Go("b", func(t *machine.Task) string { return flags(t, w.Fd) })
		},
		"two closers": func(w *explore.World) {
			closing := func(t *machine.Task) string { return fmt.Sprint(t.Close(w.Fd) == errno.EBADF) }
			w.Go("a", closing)
			w.Go("b", closing)
		},
	} {
		t.Run(name, func(t *testing.T) {
			setup := &explore.Setup{Name: name, Tasks: tasks, Faulters: 1}
			const version = "2015+copy"
			plain := cover(t, setup, explore.Options{Version: version, Plain: true})
			reduced := cover(t, setup, explore.Options{Version: version})
			require.Equal(t, slices.Sorted(maps.Keys(plain.Outcomes)), slices.Sorted(maps.Keys(reduced.Outcomes)))
			require.Less(t, reduced.Runs, plain.Runs)
			require.Greater(t, len(plain.Outcomes), 1, "the test shows nothing with a single outcome")
		})
	}
}

func TestSampleIsRepeatable(t *testing.T) {
	setup := explore.FindSetup("copy")
	opts := explore.Options{Dropped: rule.Of(uffd.RecheckAfterEnqueue), Budget: budget}
	first, err := explore.Sample(setup, opts, 7, 3)
	require.NoError(t, err)
	again, err := explore.Sample(setup, opts, 7, 3)
	require.NoError(t, err)
	require.NotNil(t, first.Failure)
	require.Equal(t, first.Failure.Schedule, again.Failure.Schedule)
	require.Equal(t, first.Runs, again.Runs)
}

func TestScheduleText(t *testing.T) {
	s, err := explore.ParseSchedule("t1*2  copier*1 t1*1")
	require.NoError(t, err)
	require.Equal(t, explore.Schedule{"t1", "t1", "copier", "t1"}, s)
	require.Equal(t, "t1*2 copier*1 t1*1", s.String())
	require.Equal(t, 2, s.Switches())
	for _, bad := range []string{"t1", "t1*", "*3", "t1*0", "t1*x", "t1*9999999"} {
		_, err := explore.ParseSchedule(bad)
		require.ErrorContains(t, err, bad)
	}
	_, _, err = explore.Replay(explore.FindSetup("copy"), explore.Options{}, explore.Schedule{"nobody"}, nil)
	require.ErrorContains(t, err, "does not fit")
}

func ExampleDiagram() {
	setup := explore.FindSetup("kill")
	opts := explore.Options{Version: "2015+copy", Dropped: rule.Of(uffd.SleepKillable)}
	r, _ := explore.Counterexample(setup, opts)
	_, failure, _ := explore.Rows(setup, opts, r.Failure.Schedule)
	fmt.Println(failure)
	// Output: lost wake-up: t1 is asleep forever (TASK_UNINTERRUPTIBLE)
}

func BenchmarkSearch(b *testing.B) {
	for _, name := range []string{"copy", "kill-close"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var stats explore.Stats
			for b.Loop() {
				r, err := explore.Search(explore.FindSetup(name), explore.Options{})
				if err != nil || r.Failure != nil {
					b.Fatal(err, r.Failure)
				}
				stats.Runs += r.Runs
				stats.Steps += r.Steps
			}
			b.ReportMetric(float64(stats.Runs)/b.Elapsed().Seconds(), "schedules/s")
			b.ReportMetric(float64(stats.Steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// Shrink shortens a random failing run, which still fails in the same way.
func TestShrink(t *testing.T) {
	setup := explore.FindSetup("copy")
	opts := explore.Options{Dropped: rule.Of(uffd.RecheckAfterEnqueue), Budget: budget}
	for seed := range uint64(5) {
		found, err := explore.Sample(setup, opts, seed, 0)
		require.NoError(t, err)
		require.NotNil(t, found.Failure)
		short := explore.Shrink(setup, opts, found.Failure)
		require.EqualError(t, short.Err, found.Failure.Err.Error())
		require.LessOrEqual(t, short.Schedule.Switches(), found.Failure.Schedule.Switches())
		_, failure, err := explore.Replay(setup, opts, short.Schedule, nil)
		require.NoError(t, err)
		require.EqualError(t, failure, short.Err.Error())
		shortest, err := explore.Counterexample(setup, opts)
		require.NoError(t, err)
		require.Equal(t, shortest.Failure.Schedule.Switches(), short.Schedule.Switches())
	}
}
