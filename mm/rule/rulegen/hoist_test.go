package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scoped returns the source of a package whose function f has this body.
func scoped(body string) string {
	return `package p

type set struct{}

func (set) Any() bool { return true }

func get() int

func pair() (int, error)

func f(s set, a int) int {
	if s.Any() {
		return fWithout(s, a)
	}
` + body + "}\n"
}

// one returns a list of one rule with one hunk, which begins in line 8.
func one(name, lines string) string {
	return "rule " + name + "\n" + fields + "@@ p/p.go f\n" + lines
}

// A variable that a variant defines and statements outside of it use is declared before
// the generated if statement, together with all other new variables of the definition.
func TestHoist(t *testing.T) {
	for _, c := range []struct{ name, body, rules, want string }{
		{
			"all new names of a statement", "\tx, err := pair()\n\ta += len(err.Error())\n\treturn x\n",
			one("early", "-\tx, err := pair()\n-\ta += len(err.Error())\n+\tx := 7\n"),
			"\tvar x int\n\tvar err error\n\tif dropped.Has(Early) {\n\t\tx = 7\n\t} else {\n\t\tx, err = pair()\n\t\ta += len(err.Error())\n\t}\n\treturn x\n",
		},
		{
			"a name that only the rule declares", "\tx := get()\n\treturn x\n",
			one("early", "-\tx := get()\n+\tx, err := pair()\n+\ta += len(err.Error())\n"),
			"\tvar x int\n\tvar err error\n\tif dropped.Has(Early) {\n\t\tx, err = pair()\n\t\ta += len(err.Error())\n\t} else {\n\t\tx = get()\n\t}\n\treturn x\n",
		},
		{
			"a name that is declared before", "\tx, err := pair()\n\ty, err := pair()\n\t_, _ = y, err\n\treturn x\n",
			one("early", "-\ty, err := pair()\n"),
			"\tx, err := pair()\n\tvar y int\n\tif !dropped.Has(Early) {\n\t\ty, err = pair()\n\t}\n",
		},
		{
			"a name that is declared before, and another that nothing else uses", "\tx, err := pair()\n\ty, err := pair()\n\tx += y\n\t_ = err\n\treturn x\n",
			one("early", "-\ty, err := pair()\n-\tx += y\n"),
			"\tvar y int\n\tif !dropped.Has(Early) {\n\t\ty, err = pair()\n\t\tx += y\n\t}\n",
		},
		{
			"a parameter", "\ta, err := pair()\n\treturn a\n\t_ = err\n",
			one("early", "-\ta, err := pair()\n+\ta, err := a, error(nil)\n"),
			"\tvar err error\n\tif dropped.Has(Early) {\n\t\ta, err = a, error(nil)\n\t} else {\n\t\ta, err = pair()\n\t}\n",
		},
		{
			"in a clause", "\tswitch {\n\tcase a > 0:\n\t\tx := get()\n\t\treturn x\n\t}\n\treturn a\n",
			one("early", "-\t\tx := get()\n+\t\tx := 7\n"),
			"\tcase a > 0:\n\t\tvar x int\n\t\tif dropped.Has(Early) {\n\t\t\tx = 7\n\t\t} else {\n\t\t\tx = get()\n\t\t}\n\t\treturn x\n",
		},
		{
			"for a nested hunk", "\ta++\n\tif a > 0 {\n\t\ta++\n\t}\n\treturn a\n",
			one("early", " \ta++\n+\tx := get()\n \tif a > 0 {\n \t\ta++\n+\t\ta = x\n"),
			"\tvar x int\n\tif dropped.Has(Early) {\n\t\tx = get()\n\t}\n\tif a > 0 {\n",
		},
		{
			"none: every use goes with the branch", "\tfor a > 1 {\n\t\tx := get()\n\t\ta += x\n\t}\n\treturn a\n",
			one("early", "-\t\tx := get()\n-\t\ta += x\n+\t\ta++\n"),
			"\t\t\tx := get()\n\t\t\ta += x\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := write(t, scoped(c.body), c.rules)
			require.NoError(t, err)
			require.Contains(t, text, c.want)
			require.LessOrEqual(t, strings.Count(text, "var err error"), 1)
		})
	}
}

// A hunk from which no function with the meaning of the patched source can be generated
// is an error that names the line of the hunk.
func TestHoistErrors(t *testing.T) {
	for _, c := range []struct{ name, body, rules, want string }{
		{
			"a var declaration", "\tvar x = get()\n\treturn x\n", one("r", "-\tvar x = get()\n+\tvar x = 7\n"),
			"p/p.go f: rules.diff:8: rule r: x is used outside the changed statements, and its declaration is not a :=",
		},
		{
			"a constant of the rule", "\tx := get()\n\treturn x\n", one("r", "-\tx := get()\n+\tconst x = 7\n"),
			"p/p.go f: rules.diff:8: rule r: x is used outside the changed statements, and its declaration is not a :=",
		},
		{
			"a variable of an outer block", "\tx := get()\n\tif a > 0 {\n\t\tx := a\n\t\treturn x\n\t}\n\treturn x\n", one("r", "-\t\tx := a\n"),
			"p/p.go f: rules.diff:8: rule r: x shadows another x of an enclosing block",
		},
		{
			"a parameter in an outer block", "\tfor {\n\t\ta := get()\n\t\treturn a\n\t}\n", one("r", "-\t\ta := get()\n"),
			"p/p.go f: rules.diff:8: rule r: a shadows another a of an enclosing block",
		},
		{
			"a second variable of an outer block", "\terr := error(nil)\n\tif a > 0 {\n\t\tx, err := pair()\n\t\ta += len(err.Error())\n\t\treturn x\n\t}\n\t_ = err\n\treturn a\n",
			one("r", "-\t\tx, err := pair()\n-\t\ta += len(err.Error())\n+\t\tx := 7\n"),
			"p/p.go f: rules.diff:8: rule r: err shadows another err of an enclosing block",
		},
		{
			"something of the package", "\tget := get()\n\treturn get\n", one("r", "-\tget := get()\n"),
			"p/p.go f: rules.diff:8: rule r: get shadows another get of an enclosing block",
		},
		{
			"another type", "\tx := get()\n\t_ = x\n\treturn a\n", one("r", "-\tx := get()\n+\tx := uint8(7)\n"),
			"p/p.go f: rules.diff:8: rule r: x is of type uint8 without the rule, and of type int with it",
		},
		{
			"another type of a second value", "\tx, err := pair()\n\t_, _ = x, err\n\treturn a\n", one("r", "-\tx, err := pair()\n+\terr, x := pair()\n"),
			"p/p.go f: rules.diff:8: rule r: err is of type int without the rule, and of type error with it",
		},
		{
			"more names than values", "\tx := get()\n\treturn x\n", one("r", "-\tx := get()\n+\tx, y, z := pair()\n"),
			"p/p.go f: rules.diff:8: rule r: the type of z is not known here",
		},
		{
			"a label", "\tgoto out\nout:\n\ta++\n\treturn a\n", one("r", "-\ta++\n+\ta--\n"),
			"p/p.go f: rules.diff:8: rule r: the label out would be there twice",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := write(t, scoped(c.body), c.rules)
			require.EqualError(t, err, c.want)
		})
	}
}

// One rule removes an else branch, and another inserts at the end of the branch before
// it.
func TestMeetAtElse(t *testing.T) {
	source := scoped("\tif a > 0 {\n\t\ta++\n\t} else {\n\t\ta--\n\t}\n\treturn a\n")
	for _, rules := range []string{
		one("only", "-\t} else {\n-\t\ta--\n") + one("more", " \t\ta++\n+\t\ta = 7\n"),
		one("more", " \t\ta++\n+\t\ta = 7\n") + one("only", "-\t} else {\n-\t\ta--\n"),
	} {
		text, err := write(t, source, rules)
		require.NoError(t, err)
		require.Contains(t, text, "{\n\t\tif a > 0 {\n\t\t\ta++\n\t\t\ta = 7\n\t\t}\n\t} else if")
	}
}

// Insertions of two rules at one place are both applied, in the order of the list.
func TestInsertionsMeet(t *testing.T) {
	text, err := write(t, scoped("\ta++\n\treturn a\n"), one("b", " \ta++\n+\ta = 2\n")+one("a", "+\ta = 1\n \treturn a\n"))
	require.NoError(t, err)
	require.Contains(t, text, "\tif dropped.Has(B) {\n\t\ta = 2\n\t}\n\tif dropped.Has(A) {\n\t\ta = 1\n\t}\n")
	require.Contains(t, text, "var clashes = [][2]rule.Rule{}")
}

// A rule that moves a statement past a line clashes with one that removes the line.
func TestContextClashes(t *testing.T) {
	text, err := write(t, scoped("\ta++\n\ta = get()\n\treturn a\n"), one("moves", "-\ta++\n \ta = get()\n+\ta++\n")+one("deletes", "-\ta = get()\n"))
	require.NoError(t, err)
	require.Contains(t, text, "var clashes = [][2]rule.Rule{\n\t{Moves, Deletes},\n}")
}
