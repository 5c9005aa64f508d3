package mermaid_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/mermaid"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

var update = flag.Bool("update", false, "write the diagrams in testdata anew")

func draw(t *testing.T, s trace.Stream) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, mermaid.Write(&b, s))
	return b.String()
}

// Mermaid itself accepts every diagram: of each lesson, of failed runs of the explorer,
// of a run that is far too long, and of one whose names are full of Mermaid's own syntax.
func TestMermaidParses(t *testing.T) {
	node := os.Getenv("UFFDSIM_NODE")
	if node == "" {
		t.Skip("SKIPPED: no diagram has been parsed by Mermaid: UFFDSIM_NODE does not name a directory with node_modules (.ci/tools makes one)")
	}
	streams := tracetest.Counterexamples(t)
	for _, l := range lessons.All() {
		streams[l.Name] = tracetest.Scenario(t, l.Name, l.Source)
	}
	streams["long"] = tracetest.Long(t, 10_000)
	streams["hostile"] = hostile
	maps.Copy(streams, wideRuns())
	maps.Copy(streams, tracetest.Odd(t))
	dir, args := t.TempDir(), []string{"testdata/parse.mjs"}
	for name, s := range streams {
		file := filepath.Join(dir, name+".mmd")
		require.NoError(t, os.WriteFile(file, []byte(draw(t, s)), 0o666))
		args = append(args, file)
	}
	out, err := exec.Command("node", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)

	// The parser refuses a text that is no diagram.
	bad := filepath.Join(dir, "bad.mmd")
	require.NoError(t, os.WriteFile(bad, []byte("sequenceDiagram\n    a->>: x\n"), 0o666))
	require.Error(t, exec.Command("node", "testdata/parse.mjs", bad).Run())
}

var hostile = trace.Stream{
	{Seq: 1, Kind: "run_begin", Args: trace.Args{{Key: "kernel", Value: "a;b#c"}}},
	{Seq: 2, Op: 1, Kind: "op_begin", Args: trace.Args{{Key: "text", Value: "end; %% \"<script>\" #9829; a:b\\n->> x"}, {Key: "as", Value: "main"}}},
	{Seq: 3, Op: 1, Task: "main", Kind: "syscall_enter", Object: "end"},
	{Seq: 4, Op: 1, Kind: "op_end", Object: "x", Args: trace.Args{{Key: "answer", Value: "loaded '\n;'"}, {Key: "as", Value: "main"}}},
	{Seq: 5, Kind: "run_end", Args: trace.Args{{Key: "finding", Value: "a; b # c\nsequenceDiagram"}}},
}

// Characters of Mermaid's own syntax are escaped.
func TestEscapes(t *testing.T) {
	require.Equal(t, `sequenceDiagram
    participant l0 as main
    participant l1 as kernel
    l0->>l1: end#59; #37;#37; #34;#60;script#62;#34; #35;9829#59; a:b#92;n-#62;#62; x
    l1-->>l0: = loaded '#10;#59;'
    Note over l0,l1: a#59; b #35; c#10;sequenceDiagram
`, draw(t, hostile))
}

// statement matches a line of a diagram: a lane with its name, an arrow or a note.
var statement = regexp.MustCompile(`^    (?:participant (l\d+) as \S.*|(l\d+)-[->)>]+(l\d+): .+|Note over (l\d+)(?:,(l\d+))?: .+)$`)

// checkDiagram requires that every line is one that Mermaid reads, and that lanes are
// declared before they are used, once.
func checkDiagram(t *testing.T, s trace.Stream) {
	text := draw(t, s)
	require.Less(t, len(text), 50_000)
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	require.Equal(t, "sequenceDiagram", lines[0])
	declared := map[string]bool{"": true}
	for _, line := range lines[1:] {
		m := statement.FindStringSubmatch(line)
		require.NotNil(t, m, "%q", line)
		require.False(t, m[1] != "" && declared[m[1]], "%q", line)
		declared[m[1]] = true
		for _, lane := range m[2:] {
			require.True(t, declared[lane], "%q", line)
		}
	}
}

// Streams that no run produces are drawn, too: a stream that ends before its first step,
// and events without names.
func TestOddStreams(t *testing.T) {
	for name, s := range tracetest.Odd(t) {
		t.Run(name, func(t *testing.T) { checkDiagram(t, s) })
	}
	require.Equal(t, "sequenceDiagram\n    participant l0 as kernel\n    Note over l0,l0: no steps\n",
		draw(t, trace.Stream{{Kind: "run_end", Args: trace.Args{{Key: "finding", Value: "no steps"}}}}))
}

func FuzzWrite(f *testing.F) { tracetest.Fuzz(f, checkDiagram) }

// A long run is cut in the middle, below Mermaid's limit, and the diagram says by how
// much.
func TestLongRunIsCut(t *testing.T) {
	text := draw(t, tracetest.Long(t, 10_000))
	require.Less(t, len(text), 50_000)
	require.Less(t, strings.Count(text, "\n"), 320)
	require.Regexp(t, `Note over l0: \d{4} lines are omitted here`, text)
	require.Contains(t, text, "userfaultfd(", "the beginning is there")
	require.True(t, strings.HasSuffix(strings.TrimSpace(text), "close(fd)") || strings.Contains(text, "l1-->>l0: = 0\n"), "and the end")
}

// Thousands of tasks, or a statement of many pages, stay below Mermaid's limit.
func TestWideRunIsCut(t *testing.T) {
	for name, s := range wideRuns() {
		text := draw(t, s)
		require.Less(t, len(text), 50_000, name)
		require.Contains(t, text, "lines are omitted here", name)
		for _, lane := range regexp.MustCompile(`\bl\d+\b`).FindAllString(strings.ReplaceAll(text, "participant ", ""), -1) {
			require.Contains(t, text, "    participant "+lane+" as ", name)
		}
	}
}

// wideRuns returns a run with many tasks, and one with very long statements.
func wideRuns() map[string]trace.Stream {
	tasks, long := trace.Stream{{Seq: 1, Kind: "run_begin"}}, trace.Stream{{Seq: 1, Kind: "run_begin"}}
	for i := range 5000 {
		name := fmt.Sprintf("a-task-with-a-name-%d", i)
		tasks = append(tasks, trace.Event{Seq: i + 2, Task: name, Kind: "send_signal", Object: "main"})
	}
	for i := range 400 {
		name := strings.Repeat("<&>", 20_000)
		long = append(long, trace.Event{Seq: i + 2, Task: name[i:], Kind: "send_signal", Object: name})
	}
	return map[string]trace.Stream{"tasks": tasks, "long": long}
}

// The diagrams of three lessons are those in testdata.
func TestDiagrams(t *testing.T) {
	for _, l := range lessons.All()[:3] {
		got, file := draw(t, tracetest.Scenario(t, l.Name, l.Source)), fmt.Sprintf("testdata/%s.mmd", l.Name)
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(got), 0o666))
		}
		want, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, string(want), got)
	}
}
