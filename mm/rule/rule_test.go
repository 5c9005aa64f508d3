package rule_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// A set distinguishes all MaxRules rules. One word would have room for 64.
func TestSetHasRoomForAllRules(t *testing.T) {
	var all rule.Set
	require.False(t, all.Any())
	for r := range rule.Rule(rule.MaxRules) {
		one := rule.Of(r)
		require.True(t, one.Any())
		require.Equal(t, []rule.Rule{r}, slices.Collect(one.All()))
		require.False(t, all.Has(r), "rule %d", r)
		all = all.With(r)
		require.True(t, all.Has(r), "rule %d", r)
	}
	require.Len(t, slices.Collect(all.All()), rule.MaxRules)
	require.Equal(t, rule.Of(3, 70), rule.Of(70).With(3))
	require.Panics(t, func() { rule.Of(rule.MaxRules) }, "an invalid rule must not be ignored")
}

const head = `rule one
	number   FAULT-9
	function handle_userfault
	does     looks
	instead  sleeps
	symptom  lost wake-up
	program  copy
`

func TestParse(t *testing.T) {
	infos, err := rule.Parse("list", "# a comment\n\n"+head+"\tmutant 1\n\tsince 4.3\n\ttso\n\tuntil x\n\tremains y z\n@@ a/b.go F\n-\tx()\n+\ty()\n", "2015")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	hunk := rule.Hunk{File: "a/b.go", Func: "F", Lines: []string{"-\tx()", "+\ty()"}, Line: 15}
	require.Equal(t, rule.Info{
		Name: "one", Func: "handle_userfault", Number: "FAULT-9", Does: "looks", Instead: "sleeps",
		Symptom: rule.LostWakeUp, TSO: true, Since: "4.3", Until: "x", Remains: "y z", Program: "copy", Mutant: "1", Hunks: []rule.Hunk{hunk},
	}, infos[0])
	require.Equal(t, "@@ a/b.go F\n-\tx()\n+\ty()\n", hunk.String())
}

// Errors begin with the list's name and the line number.
func TestParseErrors(t *testing.T) {
	const hunk = "@@ a.go F\n-x\n"
	for _, c := range []struct{ text, want string }{
		{"rule one\n", "list:1: rule one has no hunk"},
		{head + "@@ a.go F\n x\n", "list:1: rule one: the hunk of line 8 changes nothing"},
		{head + "\tsize 3\n" + hunk, `list:1: rule "one": unknown field "size"`},
		{head + "\tuntil x\n" + hunk, `list:1: rule "one": "until" and "remains" belong together`},
		{head + "\tremains x\n" + hunk, `list:1: rule "one": "until" and "remains" belong together`},
		{head + "\tdoes more\n" + hunk, `list:8: a second "does"`},
		{strings.Replace(head, "lost wake-up", "boredom", 1) + hunk,
			`list:1: rule "one": unknown symptom "boredom": the symptoms are "lost wake-up", "use after free", "spurious SIGBUS", ` +
				`"deadlock", "duplicate message", "unkillable task", "damaged queue", "wrong data", "lock misuse", "wrong state", "wrong mm", "nothing"`},
		{strings.Replace(head, "\tprogram  copy\n", "", 1) + hunk, `list:1: rule "one": no field "program"`},
		{head + hunk + head + hunk, `list:10: a second rule "one"`},
		{head + "@@ a.go F G\n-x\n", `list:8: want "@@ FILE" or "@@ FILE FUNCTION" below a rule, not "@@ a.go F G"`},
		{"@@ a.go F\n", `list:1: want "@@ FILE" or "@@ FILE FUNCTION" below a rule, not "@@ a.go F"`},
		{head + "@@ a.go\n-x\n", `list:8: rule "one": the @@ line needs a function: @@ FILE FUNCTION`},
		{head + "    since 4.3\n" + hunk, `list:8: "    since 4.3" is no field (a field begins with a tab)`},
		{head + "!\n", `list:8: "!" is no head, field, hunk or line of a hunk`},
		{"mutant one\n" + strings.SplitAfterN(head, "\n", 2)[1] + hunk, `list:1: rule "one": want "rule NAME"`},
	} {
		_, err := rule.Parse("list", c.text, "2015")
		require.EqualError(t, err, c.want)
	}
	many := ""
	for range rule.MaxRules + 1 {
		many += head + hunk
	}
	_, err := rule.Parse("list", many, "2015")
	require.EqualError(t, err, "list: 257 rules, and a set has room for 256")
}

const source = `package p

// F has a line x() in its comment.
func (c *C) F(a int) {
	x() // why
	// between
	y()

	if a > 0 {
		x(1)
	}
}

func G() {
	x()
}
`

func TestLocate(t *testing.T) {
	for _, c := range []struct{ name, fn, lines, want string }{
		{"replace, without comment and indentation", "F", "-x()\n+\tz()", strings.Replace(source, "\tx() // why\n", "\tz()\n", 1)},
		{"delete across a comment", "F", "-x()\n-y()", strings.Replace(source, "\tx() // why\n\t// between\n\ty()\n", "", 1)},
		{"insert behind context", "F", " x()\n+\tz()", strings.Replace(source, "// why\n", "// why\n\tz()\n", 1)},
		{"insert before context", "F", "+\tz()\n x()", strings.Replace(source, "\tx() // why", "\tz()\n\tx() // why", 1)},
		{"two places of one hunk", "F", "-x()\n y()\n+\tz()", strings.Replace(source, "\tx() // why\n\t// between\n\ty()\n", "\t// between\n\ty()\n\tz()\n", 1)},
		{"in the whole file", "", "-\tx(1)", strings.Replace(source, "\t\tx(1)\n", "", 1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := rule.Hunk{File: "p.go", Func: c.fn, Lines: strings.Split(c.lines, "\n"), Line: 7}
			edits, err := h.Locate(source)
			require.NoError(t, err)
			require.Equal(t, c.want, rule.Apply(source, edits))
		})
	}
	for _, c := range []struct{ fn, line, want string }{
		{"", "-x()", "the hunk of line 7 matches more than once in p.go"},
		{"F", "-w()", `the hunk of line 7 matches nowhere in p.go F: no line is "w()"; change the hunk or the code`},
		{"F", "-x()\n-y()\n-z()", `the hunk of line 7 matches nowhere in p.go F: "if a > 0 {" follows "y()", where the hunk has "z()"; change the hunk or the code`},
		{"F", "-y()\n if a > 0 {\n-y()", `the hunk of line 7 matches nowhere in p.go F: "x(1)" follows "if a > 0 {", where the hunk has "y()"; change the hunk or the code`},
		{"G", "-x()\n }\n-y()", `the hunk of line 7 matches nowhere in p.go G: nothing follows "}", where the hunk has "y()"; change the hunk or the code`},
		{"F", "+w()", "the hunk of line 7 has no line that says where it is"},
		{"H", "-x()", "the hunk of line 7: p.go has no function H"},
	} {
		h := rule.Hunk{File: "p.go", Func: c.fn, Lines: strings.Split(c.line, "\n"), Line: 7}
		_, err := h.Locate(source)
		require.EqualError(t, err, c.want)
	}
}

func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b rule.Edit
		want bool
	}{
		{rule.Edit{Start: 0, End: 4}, rule.Edit{Start: 4, End: 8}, false},
		{rule.Edit{Start: 0, End: 5}, rule.Edit{Start: 4, End: 8}, true},
		{rule.Edit{Start: 4, End: 4}, rule.Edit{Start: 4, End: 8}, false}, // inserts before the other
		{rule.Edit{Start: 6, End: 6}, rule.Edit{Start: 4, End: 8}, true},
		{rule.Edit{Start: 4, End: 4}, rule.Edit{Start: 4, End: 4}, false}, // both insert
	} {
		require.Equal(t, c.want, rule.Overlap(c.a, c.b), "%v %v", c.a, c.b)
		require.Equal(t, c.want, rule.Overlap(c.b, c.a), "%v %v", c.b, c.a)
	}
}

// Apply puts an insertion before the replacement of the lines after it, in any order of
// the edits. Insertions at the same offset keep their order.
func TestApply(t *testing.T) {
	replace, insert := rule.Edit{Start: 4, End: 8, New: "R\n"}, rule.Edit{Start: 4, End: 4, New: "I\n"}
	const text = "abc\ndef\nghi\n"
	require.Equal(t, "abc\nI\nR\nghi\n", rule.Apply(text, []rule.Edit{replace, insert}))
	require.Equal(t, "abc\nI\nR\nghi\n", rule.Apply(text, []rule.Edit{insert, replace}))
	other := rule.Edit{Start: 4, End: 4, New: "J\n"}
	require.Equal(t, "abc\nI\nJ\nR\nghi\n", rule.Apply(text, []rule.Edit{replace, insert, other}))
	require.Equal(t, "abc\nJ\nI\nR\nghi\n", rule.Apply(text, []rule.Edit{other, replace, insert}))
}

// A hunk that moves code past a line clashes with one that removes this line. Context
// lines at the ends of a hunk may be removed.
func TestClash(t *testing.T) {
	moves := "-x()\n y()\n+\tx()"
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{moves, "-x()\n+\tz()", true},
		{moves, "-y()", true},
		{moves, "-y()\n+\tz()", true},
		{moves, " x()\n+\tz()\n y()", false},
		{moves, " y()\n+\tz()", false}, // both are applied
		{moves, "-if a > 0 {\n+\tif a > 1 {", false},
		{"-x()\n y()", "-y()", false},
		{"+\tz()\n x()", "-x()", false},
	} {
		edits := func(lines string) []rule.Edit {
			h := rule.Hunk{File: "p.go", Func: "F", Lines: strings.Split(lines, "\n")}
			edits, err := h.Locate(source)
			require.NoError(t, err)
			return edits
		}
		require.Equal(t, c.want, rule.Clash(edits(c.a), edits(c.b)), "%q %q", c.a, c.b)
		require.Equal(t, c.want, rule.Clash(edits(c.b), edits(c.a)), "%q %q", c.b, c.a)
	}
}

// Locate does not take // inside a string, raw string or rune literal for a comment.
func TestLocateLiterals(t *testing.T) {
	const source = "package p\n\nfunc F() {\n" +
		"\tx(\"a // b\") // c\n" +
		"\tx(`\"a // d`) // c\n" +
		"\tx('\"', \"\\\" // e\") // \"c\n" +
		"\tx(\"a\") /* b */ // c\n" +
		"}\n"
	for _, c := range []struct{ line, err string }{
		{"x(\"a // b\")", ""},
		{"x(`\"a // d`)", ""},
		{`x('"', "\" // e")`, ""},
		{`x("a") /* b */`, ""},
		{"x(\"a // z\")", "matches nowhere"},
		{"x(\"a", "matches nowhere"},
	} {
		h := rule.Hunk{File: "p.go", Func: "F", Lines: []string{"-" + c.line}}
		edits, err := h.Locate(source)
		if c.err != "" {
			require.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		require.Len(t, edits, 1)
		require.Contains(t, source[edits[0].Start:edits[0].End], c.line)
	}
}

// ParseDiffs panics for no text, and parses again what it has accepted and String has
// printed.
func FuzzParseDiffs(f *testing.F) {
	f.Add(head + "@@ a/b.go F\n-\tx()\n y\n+\tz()\n")
	f.Add("mutant m\n@@ a.go\n-x\n")
	f.Fuzz(func(t *testing.T, text string) {
		diffs, err := rule.ParseDiffs("list", text)
		if err != nil {
			return
		}
		for _, d := range diffs {
			for _, h := range d.Hunks {
				again, err := rule.ParseDiffs("list", "rule r\n"+h.String())
				require.NoError(t, err)
				require.Equal(t, h.Lines, again[0].Hunks[0].Lines)
				_, _ = h.Locate(source)
			}
		}
	})
}
