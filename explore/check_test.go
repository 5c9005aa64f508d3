package explore

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// recorder is a TB that records the message of a test that fails.
type recorder struct{ message string }

func (r *recorder) Helper()                           {}
func (r *recorder) Fatalf(format string, args ...any) { r.message = fmt.Sprintf(format, args...) }

// endingSoon is a test that has almost no time left.
type endingSoon struct{ recorder }

func (*endingSoon) Deadline() (time.Time, bool) { return time.Now().Add(time.Millisecond), true }

// lostWakeUp is a program in which a task sleeps forever if another runs at the wrong
// moment, and a third has chosen to help it.
func lostWakeUp() *Standalone {
	return &Standalone{Name: "lost", Tasks: func(r *Run) {
		s := &struct{ ready, other sim.Word }{}
		Label(r, s, "s", 0)
		waiter := r.Go("waiter", func(t *sim.Task) string {
			if s.ready.Load(t) == 0 {
				t.SetState(sim.Interruptible)
				t.Schedule()
			}
			return "ok"
		})
		r.Go("waker", func(t *sim.Task) string {
			if t.Choose(3) == 2 {
				s.ready.Store(t, 1)
			}
			t.WakeUpState(waiter.Sim(), sim.Normal)
			return "ok"
		})
		r.Go("other", func(t *sim.Task) string {
			for i := range uint64(3) {
				s.other.Store(t, i)
			}
			return "ok"
		})
	}}
}

// Check passes if every run is right, and returns the outcomes.
func TestCheckPasses(t *testing.T) {
	r := Check(t, peterson(false), Options{})
	require.Len(t, r.Outcomes, 1)
	CheckSchedule(t, peterson(false), Options{}, "t1*1")
}

// The message of a failed check has the error, a schedule and its diagram. The schedule
// fails again.
func TestCheckFails(t *testing.T) {
	const want = `lost: lost wake-up: waiter is asleep forever (TASK_INTERRUPTIBLE)

| waker                 | waiter
| --------------------- | ------------------------
| choose 0 (below 3)    |
| try_to_wake_up waiter |
|                       | set_current_state waiter

Again: explore.CheckSchedule(t, program, opts, `
	for _, opts := range []Options{{}, {TSO: true}, {Plain: true}} {
		var tb recorder
		r := Check(&tb, lostWakeUp(), opts)
		require.NotNil(t, r.Failure)
		require.Contains(t, tb.message, want)
		schedule, err := strconv.Unquote(strings.TrimSuffix(tb.message[len(want):], ")"))
		require.NoError(t, err)
		require.Contains(t, schedule, "waker=0")
		var again recorder
		CheckSchedule(&again, lostWakeUp(), opts, schedule)
		require.Equal(t, tb.message, again.message)
	}
}

// The diagram of an endless run is short.
func TestCheckOfAnEndlessRun(t *testing.T) {
	var tb recorder
	Check(&tb, &Standalone{Name: "endless", Tasks: func(r *Run) {
		s := &struct{ w sim.Word }{}
		Label(r, s, "s", 0)
		r.Go("t1", func(t *sim.Task) string {
			s.w.Store(t, 1)
			return ""
		})
		r.Go("t2", func(t *sim.Task) string {
			for s.w.Load(t) == 1 {
			}
			return ""
		})
	}}, Options{})
	require.Contains(t, tb.message, "endless: the run does not settle")
	require.Contains(t, tb.message, "... 19")
	require.Less(t, strings.Count(tb.message, "\n"), 200)
}

// A check that is not covered fails, and so does a program that cannot run.
func TestCheckIsNotCovered(t *testing.T) {
	var tb recorder
	Check(&tb, lossy(3), Options{Budget: 1})
	require.Contains(t, tb.message, "lossy: not covered after ")
	require.Contains(t, tb.message, "none of which went wrong: raise Options.Budget or make the program smaller")
	var soon endingSoon
	Check(&soon, lossy(30), Options{})
	require.Contains(t, soon.message, "lossy: not covered after ")
	tb = recorder{}
	Check(&tb, FindSetup("copy"), Options{Version: "1.0"})
	require.Contains(t, tb.message, "copy: ")
}

// CheckSchedule fails if the schedule does not fit, or is none.
func TestCheckScheduleFails(t *testing.T) {
	for schedule, message := range map[string]string{
		"nobody*1":                         `lost: the schedule does not fit: there is no task "nobody"`,
		"waker":                            "lost: schedule: ",
		"waker*1 waker=0 waker*1 waiter*3": "lost: lost wake-up: waiter is asleep forever",
	} {
		var tb recorder
		CheckSchedule(&tb, lostWakeUp(), Options{}, schedule)
		require.Contains(t, tb.message, message)
	}
}
