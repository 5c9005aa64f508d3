package trace

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// streamOf runs a scenario, and returns its stream.
func streamOf(t *testing.T, name, text, kernel string) Stream {
	t.Helper()
	file, err := syntax.Parse(name, []byte(text))
	require.NoError(t, err)
	session, err := scenario.NewSession(file, scenario.Options{Kernel: kernel, Trace: true})
	require.NoError(t, err)
	defer session.Close()
	s, _, err := Of(session, name, text, 1, nil)
	if err != nil {
		return nil // that kernel does not support it
	}
	return s
}

// A written stream is read back unchanged.
func TestJSONRoundTrip(t *testing.T) {
	for _, l := range lessons.All() {
		s := streamOf(t, l.Name, l.Source, "")
		require.Equal(t, "run_begin", s[0].Kind)
		require.Equal(t, "run_end", s[len(s)-1].Kind)
		var b bytes.Buffer
		require.NoError(t, s.WriteJSON(&b))
		require.Equal(t, len(s), bytes.Count(b.Bytes(), []byte("\n")), "an event a line")
		got, err := ReadJSON(&b)
		require.NoError(t, err)
		require.Equal(t, len(s), len(got))
		for i := range s {
			want := s[i]
			if len(want.Args) == 0 {
				want.Args = nil
			}
			require.Equal(t, want, got[i])
		}
	}
}

func TestReadJSONNamesTheEvent(t *testing.T) {
	for text, want := range map[string]string{
		`{"seq":1,"kind":"a"}` + "\n" + `{"seq":`:             "event 2: unexpected EOF",
		`{"seq":1,"kind":"a","args":{"x":{"y":1}}}`:           `event 1: x: {"y":1} is not a string, number, boolean or list of strings`,
		`{"seq":1,"kind":"a","args":{"x":1.5}}` + "\n" + `{}`: "event 1: x: 1.5 is not a string, number, boolean or list of strings",
	} {
		_, err := ReadJSON(strings.NewReader(text))
		require.EqualError(t, err, want)
	}
}

// docs/trace.md has exactly the kinds of events that exist, with the names of their
// details in order.
func TestKindsAreDescribed(t *testing.T) {
	doc, err := os.ReadFile("../docs/trace.md")
	require.NoError(t, err)
	described := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|([^|]*)\\|").FindAllStringSubmatch(string(doc), -1) {
		described[m[1]] = strings.ReplaceAll(strings.TrimSpace(m[2]), "`", "")
	}
	seen := map[string]bool{}
	check := func(e *Event) {
		want, ok := described[e.Kind]
		require.True(t, ok, "docs/trace.md says nothing of %s", e.Kind)
		keys := []string{}
		for _, a := range e.Args {
			keys = append(keys, a.Key)
		}
		switch {
		case e.Kind == "syscall_enter": // the number depends on the call
			require.Subset(t, []string{"arg"}, keys[:min(len(keys), 1)])
		case strings.HasPrefix(e.Kind, "queue_") && e.Str("address") == "": // not of a fault
			require.Equal(t, strings.Replace(want, "address, ", "", 1), strings.Join(keys, ", "), "%s", e.Kind)
		default:
			require.Equal(t, want, strings.Join(keys, ", "), "%s", e.Kind)
		}
		seen[e.Kind] = true
	}
	for name, text := range scenarios(t) {
		for _, kernel := range []string{"", "6.18"} {
			s := streamOf(t, name, text, kernel)
			for i := range s {
				check(&s[i])
			}
		}
	}
	for _, r := range []rule.Rule{uffd.SleepOnlyIfAllowed, uffd.DropMmapLockToSleep} {
		s := counterexample(t, r)
		for i := range s {
			check(&s[i])
		}
	}
	var program Recorder // the events of a program that makes choices and starts tasks
	c := sim.NewControlled(sim.NewRandom(1))
	c.Trace = sim.NewTracer(func(e sim.Event) { program.Event(e) })
	c.Go("t1", nil, func(t *sim.Task) {
		t.Choose(2)
		t.Go("t2", nil, func(*sim.Task) {})
	})
	require.NoError(t, c.Settle())
	sentences := ""
	for i := range program.Stream {
		check(&program.Stream[i])
		sentences += program.Stream[i].Sentence(nil) + "; "
	}
	require.Regexp(t, `^t1 chooses [01], a number below 2; t1 starts t2; $`, sentences)
	for kind := range described {
		require.True(t, seen[kind], "nothing is ever a %s", kind)
	}
}

// counterexample returns the shortest run that goes wrong without a rule.
func counterexample(t *testing.T, dropped rule.Rule) Stream {
	t.Helper()
	setup, opts := explore.SetupFor(dropped), explore.Options{Dropped: rule.Of(dropped)}
	found, err := explore.Counterexample(setup, opts)
	require.NoError(t, err)
	require.NotNil(t, found.Failure)
	var r Recorder
	r.Begin(explore.DefaultVersion, 0, "uffdsim explore "+setup.Name, setup.Doc)
	outcome, failure, err := explore.Replay(setup, opts, found.Failure.Schedule, func(e sim.Event) { r.Event(e) })
	require.NoError(t, err)
	r.Outcome(outcome, failure)
	return r.Stream
}

// The scenarios reach each site of a rule, and docs/rules.md has each of these rules.
func TestRulesBite(t *testing.T) {
	doc, err := os.ReadFile("../docs/rules.md")
	require.NoError(t, err)
	left := map[site]string{}
	for at, r := range sites {
		require.Contains(t, string(doc), "| "+r.rule+" |")
		require.Regexp(t, `^[A-Z].*\.$`, r.why, r.rule)
		left[at] = r.rule
	}
	for name, text := range scenarios(t) {
		for _, kernel := range []string{"", "6.18"} {
			for _, e := range streamOf(t, name, text, kernel) {
				require.Equal(t, e.Rule != "" && sites[site{e.Func, e.Kind, e.Object}].rule+sites[site{e.Func, e.Kind, ""}].rule != "", e.Why() != "", e.Kind)
				delete(left, site{e.Func, e.Kind, e.Object})
				delete(left, site{e.Func, e.Kind, ""})
			}
		}
	}
	require.Empty(t, left)
}

// Every event has a sentence, which is more than its kind.
func TestSentences(t *testing.T) {
	for name, text := range scenarios(t) {
		s := streamOf(t, name, text, "")
		label := s.Labels()
		for i := range s {
			e := &s[i]
			said := e.Sentence(label)
			require.NotEqual(t, strings.TrimSpace(e.Task+" "+e.Kind+" "+e.Object), said)
			require.NotContains(t, said, "  ", "%+v", e)
		}
	}
	s := streamOf(t, "first", lessons.All()[0].Source, "")
	var said []string
	label := s.Labels()
	for i := range s {
		switch s[i].Kind {
		case "syscall_exit":
			if n := s[i].Object; n != "ioctl" && n != "close" {
				said = append(said, s[i].Sentence(label))
			}
		case "queue_add", "msg_read", "fault_begin", "schedule", "ctx_new":
			said = append(said, s[i].Sentence(label))
		}
	}
	require.Equal(t, []string{
		"main creates a context: fd",
		"main returns from userfaultfd: 3",
		"main returns from mmap: 0x100000",
		"t1 loads from 0x101000: a page fault",
		"t1 (0x101000) joins fault_pending_wqh of fd",
		"t1 sleeps: TASK_INTERRUPTIBLE",
		"main returns from poll: 1",
		"main joins fd_wqh of fd",
		"main adds t1 (0x101000) to fault_wqh of fd",
		"main reads the message of t1 (0x101000)",
		"main returns from read: 32",
		"t1 loads from 0x102000: a page fault", // another page, which is no longer registered
	}, said)
}
