package dot_test

import (
	"bytes"
	"maps"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/dot"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

func draw(t *testing.T, s trace.Stream) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, dot.Write(&b, s))
	return b.String()
}

// Graphviz draws every graph: of each lesson, also in the middle of it, and of failed
// runs.
func TestGraphvizDraws(t *testing.T) {
	graphviz, err := exec.LookPath("dot")
	if err != nil {
		t.Skip("SKIPPED: no graph has been drawn by Graphviz, which is not installed (.ci/tools does that)")
	}
	streams := tracetest.Counterexamples(t)
	for _, l := range lessons.All() {
		s := tracetest.Scenario(t, l.Name, l.Source)
		streams[l.Name], streams[l.Name+"/middle"] = s, s[:len(s)/2]
	}
	streams["long"] = tracetest.Long(t, 2_000)
	maps.Copy(streams, tracetest.Odd(t))
	for name, s := range streams {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(graphviz, "-Tsvg")
			cmd.Stdin = strings.NewReader(draw(t, s))
			var out, complaints bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &complaints
			require.NoError(t, cmd.Run(), "%s", &complaints)
			require.Empty(t, complaints.String())
			require.Contains(t, out.String(), "<svg")
		})
	}
	bad := exec.Command(graphviz, "-Tsvg")
	bad.Stdin = strings.NewReader("digraph run { \"a -> }")
	require.Error(t, bad.Run())
}

// The graph of a deadlock is a cycle: the task that holds the lock sleeps in the queue,
// and the task that could wake it waits for the lock.
func TestDeadlock(t *testing.T) {
	text := draw(t, tracetest.Counterexamples(t)["drop-mmap-lock-to-sleep"])
	for _, line := range []string{
		`"lock mmap_lock" -> "task t1" [label="held by (read)"];`,
		`"task t1" -> "queue ctx1 fault_pending_wqh" [label="0x200000"];`,
		`"queue ctx1 fault_pending_wqh" -> "task closer" [label="woken by its release"];`,
		`"task closer" -> "lock mmap_lock" [label="waits for"];`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "page table of")
}

// The graph of the lesson about the page table is as expected, line by line.
func TestLesson(t *testing.T) {
	l, ok := lessons.Find("14-page-table")
	require.True(t, ok)
	text := draw(t, tracetest.Scenario(t, l.Name, l.Source))
	for _, line := range []string{`label="mappings of mm1"`, `label="page table of mm1"`, `"mm1 pgd 0x0" -> "mm1 pud 0x0"`, `"mm1 pud 0x0" -> "mm1 pmd 0x0"`} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "waiting tasks")
}

// Contexts have the names that the operation maps gives them.
func TestContextNames(t *testing.T) {
	text := draw(t, tracetest.Scenario(t, "names", tracetest.Names))
	for _, line := range []string{
		`"vma mm1 0x100000" -> "context ctx1" [label="missing"];`, `"context ctx1" [label="#1\nUFFD_STATE_RUNNING"`,
		`"vma mm1 0x101000" -> "context ctx2" [label="missing"];`, `"context ctx2" [label="ctx1\nUFFD_STATE_RUNNING"`,
		`"vma mm1 0x103000" -> "context ctx4" [label="missing"];`, `"context ctx4" [label="fd#4\nUFFD_STATE_RUNNING"`,
	} {
		require.Contains(t, text, line)
	}
}

// line matches a line of a graph that has only words of the language outside its strings.
var line = regexp.MustCompile(`^(?:[\w ={}\[\],;>-]|"(?:[^"\\\x00-\x1f\x7f]|\\["\\n])*")*$`)

func checkGraph(t *testing.T, s trace.Stream) {
	text := draw(t, s)
	for l := range strings.Lines(text) {
		require.Regexp(t, line, strings.TrimSuffix(l, "\n"))
	}
	require.Equal(t, strings.Count(text, "{\n"), strings.Count(text, "}\n"))
}

func TestOddStreams(t *testing.T) {
	for name, s := range tracetest.Odd(t) {
		t.Run(name, func(t *testing.T) { checkGraph(t, s) })
	}
}

func FuzzWrite(f *testing.F) { tracetest.Fuzz(f, checkGraph) }

// Text of a scenario is never read as DOT.
func TestQuotes(t *testing.T) {
	text := draw(t, trace.Stream{{Seq: 1, Kind: "run_end", Args: trace.Args{{Key: "finding", Value: "a\"; b \\ c\nd"}}}})
	require.Contains(t, text, `label="a\"; b \\ c\nd"`)
}
