package explore

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// lossy is a sender whose messages may be lost, and a receiver that gives up at any time.
func lossy(messages int) *Standalone {
	return &Standalone{Name: "lossy", Tasks: func(r *Run) {
		s := &struct{ channel, acks sim.Word }{}
		Label(r, s, "s", 0)
		r.Go("sender", func(t *sim.Task) string {
			lost := 0
			for i := range messages {
				switch t.Choose(3) {
				case 0:
					s.channel.Store(t, uint64(i+1))
				case 1: // twice
					s.channel.Store(t, uint64(i+1))
					s.channel.Store(t, uint64(i+1))
				default:
					lost++
				}
			}
			return fmt.Sprint("lost ", lost, " acks ", s.acks.Load(t))
		})
		r.Go("receiver", func(t *sim.Task) string {
			got := uint64(0)
			for t.Choose(2) == 0 && got < uint64(messages) {
				if found := s.channel.Load(t); found != got {
					got = found
					s.acks.Store(t, got)
				}
				r.At(t, "loop", got)
			}
			return fmt.Sprint("got ", got)
		})
	}}
}

// dice makes two choices in a row, and one that depends on another task.
func dice() *Standalone {
	return &Standalone{Name: "dice", Tasks: func(r *Run) {
		s := &struct{ n sim.Word }{}
		Label(r, s, "s", 0)
		r.Go("t1", func(t *sim.Task) string {
			s.n.Store(t, uint64(1+t.Choose(2)))
			return fmt.Sprint(t.Choose(2))
		})
		r.Go("t2", func(t *sim.Task) string {
			n := int(s.n.Load(t))
			return fmt.Sprint(n, t.Choose(n+1))
		})
		r.Go("t3", func(t *sim.Task) string {
			if t.Choose(2) == 1 {
				s.n.Store(t, 3)
			}
			return ""
		})
	}}
}

// A search tries every value of a choice, with and without reductions, store buffers and
// a bound, and so do random runs.
func TestSearchTriesEveryValue(t *testing.T) {
	plain, err := Search(dice(), Options{Plain: true, Workers: 1})
	require.NoError(t, err)
	require.True(t, plain.Covered)
	require.InDelta(t, 1, plain.Done, 1e-9)
	outcomes := slices.Sorted(maps.Keys(plain.Outcomes))
	require.Contains(t, outcomes, "t1=1 t2=2 1")
	for name, opts := range map[string]Options{
		"reduced": {Workers: 1},
		"workers": {Workers: 3},
		"TSO":     {TSO: true},
		"bounded": {Bound: &Bound{AnyNumber, 8}},
	} {
		r, err := Search(dice(), opts)
		require.NoError(t, err)
		require.True(t, r.Covered, name)
		require.Equal(t, outcomes, slices.Sorted(maps.Keys(r.Outcomes)), name)
		if name == "reduced" {
			require.InDelta(t, 1, r.Done, 1e-9)
			require.Less(t, r.Runs, plain.Runs/2)
		}
	}
	for range 20 { // two workers share the values and the tasks of a state
		r, err := Search(dice(), Options{TSO: true, Workers: 2})
		require.NoError(t, err)
		require.Len(t, r.Outcomes, len(outcomes))
	}
	found := map[string]bool{}
	for seed := range uint64(200) {
		for _, depth := range []int{0, 3} {
			r, err := Sample(dice(), Options{Budget: 1}, seed, depth) // one run
			require.NoError(t, err)
			for outcome := range r.Outcomes {
				found[outcome] = true
				require.Contains(t, outcomes, outcome)
			}
		}
	}
	require.Greater(t, len(found), len(outcomes)/2)
	power, err := Interleavings(dice(), Options{}, 2000, 1)
	require.NoError(t, err)
	require.InEpsilon(t, math.Log10(float64(plain.Runs)), power, 0.05)
}

// The reduced search finds the same outcomes as a bounded one without reductions. A loop
// that ends with a choice has finitely many states.
func TestChoiceInALoop(t *testing.T) {
	bounded, err := Search(lossy(2), Options{Bound: &Bound{AnyNumber, 20}})
	require.NoError(t, err)
	require.True(t, bounded.Covered)
	for _, opts := range []Options{{}, {TSO: true}} {
		r, err := Search(lossy(2), opts)
		require.NoError(t, err)
		require.Nil(t, r.Failure)
		require.True(t, r.Covered)
		require.Equal(t, slices.Sorted(maps.Keys(bounded.Outcomes)), slices.Sorted(maps.Keys(r.Outcomes)))
	}
}

// A failure that depends on choices is replayed, drawn and shrunk.
func TestChoicesAreReplayed(t *testing.T) {
	program := &Standalone{Name: "fails", Tasks: func(r *Run) {
		s := &struct{ a, b sim.Word }{}
		Label(r, s, "s", 0)
		r.Go("t1", func(t *sim.Task) string {
			s.a.Store(t, uint64(t.Choose(10)))
			return ""
		})
		r.Go("t2", func(t *sim.Task) string {
			s.b.Store(t, uint64(t.Choose(10)))
			sim.BugOn(t, s.a.Load(t) >= 3 && s.b.Load(t) >= 4, "t2", "a and b")
			return ""
		})
	}}
	shortest, err := Counterexample(program, Options{})
	require.NoError(t, err)
	require.True(t, shortest.Covered)
	require.Equal(t, "t1*1 t1=3 t1*1 t2*1 t2=4 t2*3", shortest.Failure.Schedule.String())
	schedule, err := ParseSchedule(shortest.Failure.Schedule.String())
	require.NoError(t, err)
	require.Equal(t, shortest.Failure.Schedule, schedule)
	_, failure, err := Replay(program, Options{}, schedule, nil)
	require.NoError(t, err)
	require.Equal(t, shortest.Failure.Err, failure)
	rows, _, err := Rows(program, Options{}, schedule)
	require.NoError(t, err)
	require.Contains(t, rows, Row{Task: "t1", Step: "choose 3 (below 10)"})

	long, err := ParseSchedule("t2*1 t1*1 t2=8 t1=9 t2*1 t1*1 t2*2")
	require.NoError(t, err)
	_, failure, err = Replay(program, Options{}, long, nil)
	require.NoError(t, err)
	short := Shrink(program, Options{}, &Failure{Err: failure, Schedule: long})
	require.Equal(t, 1, short.Schedule.Switches())
	require.Contains(t, short.Schedule, "t1=3")
	require.Contains(t, short.Schedule, "t2=4")

	for text, message := range map[string]string{
		"t1*2":          "step 2 of it must say which number t1 chooses, as in t1=9",
		"t1*1 t1=10":    "at step 2 of it t1 chooses a number below 10, not 10",
		"t1=1":          "step 1 of it is a choice, but t1 takes another step there",
		"t1*1 nobody=2": `there is no task "nobody", but t1, t2`,
	} {
		s, err := ParseSchedule(text)
		require.NoError(t, err)
		_, _, err = Replay(program, Options{}, s, nil)
		require.ErrorContains(t, err, "the schedule does not fit: "+message)
	}
}

// A task's name can stand in a schedule.
func TestTaskNames(t *testing.T) {
	for _, names := range [][]string{{""}, {"a b"}, {"a*2"}, {"a=2"}, {"a.buffer"}, {"a", "a"}} {
		require.Panics(t, func() {
			r := new(Run)
			for _, name := range names {
				r.addTask(name)
			}
		}, "%q", names)
	}
}
