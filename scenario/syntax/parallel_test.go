package syntax_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

const race = `#! title: A race
fd = userfaultfd(0)
parallel {
    t1: load(0x101000)
    # A comment.
    t2: r1 = close(fd) = 0   # another

t2: load(0x101000, 2)
}

exists (t1 = SIGBUS)
~exists (t1 = blocked /\ t2:r1 = 0)   # a comment
forall (t1 = loaded ')' \/ ~(t2 = -1 EBADF (Bad file descriptor) \/ child:[a] = "#") /\ [0x101000+1] = none)
`

func TestParallel(t *testing.T) {
	file, err := syntax.Parse("race", []byte(race))
	require.NoError(t, err)
	block := file.Parallel()
	require.Len(t, block.Parallel, 3)
	require.Equal(t, 3, block.Pos.Line)
	second := block.Parallel[1]
	require.Equal(t, []string{"t2", "r1", "close", "0"}, []string{second.Task, second.Bind, second.Call.Name, second.Want})
	require.Equal(t, syntax.Pos{File: "race", Line: 6, Col: 5}, second.Pos)

	var conditions []string
	for _, stmt := range file.Stmts[2:] {
		conditions = append(conditions, stmt.Condition.Quantifier.String()+" ("+stmt.Condition.Proposition.String()+")")
	}
	require.Equal(t, []string{
		`exists (t1 = SIGBUS)`,
		`~exists (t1 = blocked /\ t2:r1 = 0)`,
		`forall (t1 = loaded ')' \/ (~(t2 = -1 EBADF (Bad file descriptor) \/ child:[a] = "#") /\ [0x101001] = none))`,
	}, conditions)
	for _, stmt := range file.Stmts[2:] {
		requireSpelling(t, stmt.Condition.Proposition)
	}
}

// requireSpelling requires that a proposition's text is read back as the same one.
func requireSpelling(t *testing.T, p *syntax.Proposition) {
	t.Helper()
	text := p.String()
	again, err := syntax.ParseProposition("again", text)
	if err != nil && strings.Contains(err.Error(), "nested more than") {
		return // the text has a parenthesis for each operator
	}
	require.NoError(t, err, text)
	require.Equal(t, text, again.String())
}

func TestParallelMistakes(t *testing.T) {
	const block = "parallel {\nt1: load(1)\n}\n"
	for text, want := range map[string]string{
		"parallel {\nt1: load(1)":                                `x:1:1: the parallel block is not closed: "}" is missing`,
		"parallel {\n}":                                          `x:2:1: the parallel block has no operation`,
		"parallel { t1: load(1) }\n}":                            `x:1:12: unexpected "t1:" after "parallel {": each operation stands on a line of its own` + "\nx:2:1: the parallel block has no operation",
		"parallel {\nt1: load(1)\n} x":                           `x:3:3: unexpected "x" after "}"`,
		"parallel {\nt1\n}":                                      `x:2:1: a line of a parallel block is an operation, as in "t1: load(0x101000)", found the name "t1" alone`,
		"parallel {\nt1: load(1)\nexists (t1=1)\n}":              `x:3:1: a condition stands behind the parallel block, after its "}"`,
		block + "    output":                                     `x:4:1: an indented line is output, but there is no statement before it`,
		block + "maps()":                                         `x:4:1: only conditions can follow the parallel block: exists (...), ~exists (...) or forall (...)`,
		block + block:                                            `x:4:1: a scenario has one parallel block at most`,
		"exists (t1 = 1)":                                        `x:1:1: a condition needs a parallel block before it`,
		block + "~forall (t1 = 1)":                               `x:4:2: expected "exists (" after "~", found "forall"`,
		block + "exists (t1 = 1":                                 `x:4:15: expected ")" after the proposition, found the end of the line`,
		block + "exists (t1 = )":                                 `x:4:14: no result after "="`,
		block + "exists (t1)":                                    `x:4:11: expected "=" after "t1", found ")"`,
		block + "exists (t1 = 'A)":                               `x:4:14: the quote is not closed`,
		block + "exists ([{a=1}] = none)":                        `x:4:10: an address is a number or a name, not a struct`,
		block + "exists (t1: = 1)":                               `x:4:13: expected a task or a memory location, as in "t1 = blocked" or "[0x101000] = 'A'", found "="`,
		block + "exists (t1 = 1) x":                              `x:4:17: unexpected "x" after the condition`,
		block + "exists (" + strings.Repeat("~", 40) + "t1 = 1)": `x:4:24: propositions are nested more than 16 deep`,
		block + "exists (" + strings.Repeat(`t1 = 1 /\ `, 64) + "t1 = 1)": `x:4:649: more than 64 atoms`,
	} {
		_, err := syntax.Parse("x", []byte(text))
		require.EqualError(t, err, want, text)
	}
}

// A task may have the name of a keyword.
func TestKeywordsAreNames(t *testing.T) {
	file, err := syntax.Parse("x", []byte("parallel: load(1)\nexists = dup(3)\nforall = blocked\nparallel\n"))
	require.NoError(t, err)
	require.Len(t, file.Stmts, 4)
	require.Nil(t, file.Parallel())
}

func TestParseProposition(t *testing.T) {
	p, err := syntax.ParseProposition("--show", `t1 = SIGBUS /\ [0x1000] = zero`)
	require.NoError(t, err)
	var places []string
	p.Atoms(func(atom *syntax.Proposition) { places = append(places, atom.Place()) })
	require.Equal(t, []string{"t1", "[0x1000]"}, places)
	for text, want := range map[string]string{
		"t1 = 1)":      `--show:1:7: unexpected ")" after the proposition`,
		"t1\x00":       "--show:1:3: a NUL byte: is this a text file?",
		"":             `--show:1:1: expected a task or a memory location, as in "t1 = blocked" or "[0x101000] = 'A'", found the end of the line`,
		`(t1 = 1 \/ x`: `--show:1:13: expected "=" after "x", found the end of the line`,
	} {
		_, err := syntax.ParseProposition("--show", text)
		require.EqualError(t, err, want, text)
	}
}
