package perfetto_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/perfetto"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

type event struct {
	Name, Cat, Ph, ID, BP, S string
	TS                       *int
	Pid, Tid                 *int
	Args                     map[string]any
}

func convert(t *testing.T, s trace.Stream) []event {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, perfetto.Write(&b, s))
	var doc struct {
		DisplayTimeUnit string
		TraceEvents     []event
	}
	require.NoError(t, json.Unmarshal(b.Bytes(), &doc))
	require.Equal(t, "ms", doc.DisplayTimeUnit)
	return doc.TraceEvents
}

// checkFormat requires the rules of the Trace Event Format: each phase has its fields;
// slices nest on each track; asynchronous slices come in pairs; flows begin once, bind to
// a slice, and end at most once; time does not decrease on a track.
func checkFormat(t *testing.T, events []event) (phases map[string]int) {
	t.Helper()
	phases = map[string]int{}
	open, async, flows, last, named := map[int][]string{}, map[string]string{}, map[string]string{}, map[int]int{}, map[int]bool{}
	for i, e := range events {
		what := fmt.Sprintf("event %d: %+v", i, e)
		phases[e.Ph]++
		require.NotEmpty(t, e.Name, what)
		require.NotNil(t, e.Pid, what)
		require.NotNil(t, e.Tid, what)
		require.NotNil(t, e.TS, what)
		tid := *e.Tid
		if e.Ph != "M" {
			require.True(t, named[tid], "%s: the track has no name", what)
			require.GreaterOrEqual(t, *e.TS, last[tid], what)
			last[tid] = *e.TS
		}
		switch e.Ph {
		case "M":
			require.Contains(t, []string{"thread_name", "process_name"}, e.Name)
			require.NotEmpty(t, e.Args["name"])
			named[tid] = true
		case "B":
			open[tid] = append(open[tid], e.Name)
		case "E":
			require.NotEmpty(t, open[tid], what)
			require.Equal(t, open[tid][len(open[tid])-1], e.Name, what)
			open[tid] = open[tid][:len(open[tid])-1]
		case "b":
			require.Empty(t, async[e.Cat+e.ID], what)
			async[e.Cat+e.ID] = e.Name
		case "e":
			require.Equal(t, async[e.Cat+e.ID], e.Name, what)
			delete(async, e.Cat+e.ID)
		case "s", "t", "f":
			require.NotEmpty(t, open[tid], "%s: there is no slice to bind to", what)
			require.Equal(t, e.Ph == "s", flows[e.ID] == "", what)
			require.NotEqual(t, "f", flows[e.ID], what)
			flows[e.ID] = e.Ph
			if e.Ph == "f" {
				require.Equal(t, "e", e.BP)
			}
		case "C":
			require.Contains(t, e.Args, "faults")
		case "i":
			require.Contains(t, []string{"t", "g"}, e.S)
		default:
			require.Fail(t, "no such phase", what)
		}
	}
	for tid, slices := range open {
		require.Empty(t, slices, "track %d", tid)
	}
	require.Empty(t, async)
	return phases
}

func TestFormat(t *testing.T) {
	streams := tracetest.Counterexamples(t)
	for _, l := range lessons.All() {
		streams[l.Name] = tracetest.Scenario(t, l.Name, l.Source)
	}
	streams["long"] = tracetest.Long(t, 10_000)
	maps.Copy(streams, tracetest.Odd(t))
	all := map[string]int{}
	for name, s := range streams {
		t.Run(name, func(t *testing.T) {
			for ph, n := range checkFormat(t, convert(t, s)) {
				all[ph] += n
			}
		})
	}
	for _, ph := range []string{"M", "B", "E", "b", "e", "s", "t", "f", "C", "i"} {
		require.NotZero(t, all[ph], "nothing of phase %s", ph)
	}
}

func FuzzWrite(f *testing.F) {
	tracetest.Fuzz(f, func(t *testing.T, s trace.Stream) { checkFormat(t, convert(t, s)) })
}

// A finding is shown even if no step precedes it, and every detail is shown, even if two
// have the same name.
func TestNothingIsLost(t *testing.T) {
	events := convert(t, trace.Stream{{Seq: 1, Kind: "run_end", Args: trace.Args{{Key: "finding", Value: "no steps"}}}})
	require.Equal(t, "no steps", events[len(events)-1].Name)
	events = convert(t, trace.Stream{{Seq: 7, Task: "t1", Kind: "syscall_enter", Object: "read", Args: trace.Args{
		{Key: "arg", Value: "0x3"}, {Key: "arg", Value: "0x1000"}, {Key: "arg", Value: "0x20"}, {Key: "event", Value: 1},
	}}})
	require.Equal(t, map[string]any{"event": 7.0, "arg": "0x3", "arg 2": "0x1000", "arg 3": "0x20", "event 2": 1.0}, events[1].Args)
}

// The counters are those of fdinfo: a fault whose message was read is no longer pending,
// but still counts in total.
func TestCounters(t *testing.T) {
	l, ok := lessons.Find("02-two-faulters")
	require.True(t, ok)
	var counted []string
	for _, e := range convert(t, tracetest.Scenario(t, l.Name, l.Source)) {
		if e.Ph == "C" {
			counted = append(counted, fmt.Sprint(e.Name, " ", e.Args["faults"]))
		}
	}
	require.Equal(t, []string{
		"fd: pending 1", "fd: total 1", // t1 faults
		"fd: pending 2", "fd: total 2", // t2 faults
		"fd: pending 1", "fd: total 2", // t1's message is read
		"fd: pending 0", "fd: total 0", // the page is present: both are woken
	}, counted)
}

// The flow of a fault goes from its task to the task that reads the message and wakes it,
// and back.
func TestFlow(t *testing.T) {
	l := lessons.All()[0]
	events := convert(t, tracetest.Scenario(t, l.Name, l.Source))
	tracks := map[int]any{}
	var way []any
	for _, e := range events {
		switch {
		case e.Name == "thread_name":
			tracks[*e.Tid] = e.Args["name"]
		case e.ID == "fault1":
			way = append(way, e.Ph, tracks[*e.Tid])
		}
	}
	require.Equal(t, []any{"s", "t1", "t", "main", "t", "main", "f", "t1"}, way)
}
