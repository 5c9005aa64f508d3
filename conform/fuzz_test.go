package conform

import (
	"bufio"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// answers are lines that a target may print: real answers, and some that a scenario can
// hardly express.
var answers = []string{
	"=", "= 3", "?", "! conform:1:10: \")\" is missing", "= 0x10000000", "= blocked", "= killed", "= loaded 'A'",
	"=\t10000000-10001000 r--p uffd=fd:missing", "= 32 {PAGEFAULT address=0x101000 flags=0}", "= -1 EINVAL (Invalid argument)",
	"hello", "", "=3", "=   ", "= \t\t", "= # no comment", "= 'a", "= \"", "= a\\", "= ...", "= f(x) = 3", "= t1 = 3", "= \x00\xff\r\x1b[2J",
	"=\t# x\t", "=\t#! kernel: 4.3", "=\t\x00\t  \t\xff", "= \u2028\ufeff", "= " + strings.Repeat("#x", 50_000), "=\t" + strings.Repeat("\x00x'", 30_000), "! \x00\xff",
}

// checkScenario requires that a divergence at a line, with the answer or the error,
// results in a scenario that parses, and that expects that answer.
func checkScenario(t *testing.T, line string, theirs *scenario.Result, err error) {
	t.Helper()
	ours := &scenario.Result{Op: line, Answer: "0\x00\xff\n# x", Block: []string{"#\r", "\n\t"}}
	lines := []string{"fd = userfaultfd(O_NONBLOCK)", "t1: load(0x1000)", line}
	found := &Found{lines, &Divergence{Ours: ours, Theirs: theirs, Err: err}}
	text := found.Scenario("6.18")
	file, err := syntax.Parse("found", []byte(text))
	require.NoError(t, err, "%q", text)
	require.Len(t, file.Stmts, len(lines), "%q", text)
	require.Equal(t, "6.18", file.Directive("kernel"))
	for i, stmt := range file.Stmts {
		require.Equal(t, lines[i], stmt.Op, "%q", text)
	}
	if theirs != nil {
		last := file.Stmts[len(lines)-1]
		require.True(t, syntax.Match(last.Want, strings.TrimSpace(theirs.Answer)), "%q", text)
		require.True(t, syntax.MatchBlock(last.Block, theirs.Block), "%q", text)
	}
}

func checkAnswer(t *testing.T, text string) {
	t.Helper()
	for _, line := range []string{"t1", "maps()", "fd2 = userfaultfd(0)"} {
		result, err := (&running{}).result(line, text)
		switch {
		case err != nil:
			require.Nil(t, result)
			checkScenario(t, line, nil, err)
		case !result.Skipped:
			checkScenario(t, line, result, nil)
		}
	}
}

// Any answer of a target results in a scenario that parses.
func TestScenarioParses(t *testing.T) {
	for _, text := range answers {
		checkAnswer(t, text)
	}
	checkScenario(t, "t1", nil, errors.New("two\nlines\x00\n\n# "+strings.Repeat("x", 100_000)))
	odd := &Found{[]string{"no statement", ")"}, &Divergence{Ours: &scenario.Result{}, Theirs: &scenario.Result{Answer: "3"}}}
	_, err := syntax.Parse("found", []byte(odd.Scenario("6.18")))
	require.NoError(t, err)
}

// FuzzAnswer parses random answers of a target.
func FuzzAnswer(f *testing.F) {
	for _, text := range answers {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text, _, _ = strings.Cut(text, "\n") // a line, as Do gets it
		checkAnswer(t, strings.TrimSuffix(text, "\r"))
	})
}

// FuzzServe gives the model any lines as a target: each gets a line, an answer, "?" or
// "!".
func FuzzServe(f *testing.F) {
	for _, l := range lessons.All() {
		f.Add(l.Source)
	}
	f.Add("fd = userfaultfd(O_NONBLOCK)\npoll(fd)\nqueues(fd)\nnonsense\n\n#! kernel: 2015\n\x00\n= 3\nt1:\n")
	f.Add("ioctl(3, UFFDIO_MOVE, {dst=0, src=0, len=1p})\nmlock(0, 1p)\nfail_nth(mmap, 1)\nexit()\nmaps()\n")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 8<<10 {
			return
		}
		d, err := NewModel(scenario.Options{Steps: 3000})
		require.NoError(t, err)
		defer d.Close()
		var out strings.Builder
		require.NoError(t, Serve(d, strings.NewReader(text), &out))
		lines := 0
		for scan := bufio.NewScanner(strings.NewReader(text)); scan.Scan(); {
			lines++
		}
		answers := strings.SplitAfter(out.String(), "\n")
		require.Equal(t, lines+1, len(answers), "%q", out.String())
		for _, a := range answers[:lines] {
			require.Regexp(t, "^[=?!]", a)
		}
	})
}
