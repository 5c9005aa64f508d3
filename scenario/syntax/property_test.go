package syntax_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"pgregory.net/rapid"
)

// requireReadBack writes the answer into every statement. It requires that the written
// text has the same statements, that these now expect the answer, and that writing the
// answer once more changes nothing.
func requireReadBack(t require.TestingT, f *syntax.File, a syntax.Answer) {
	answers := map[int]syntax.Answer{}
	for i := range f.Stmts {
		answers[i] = a
	}
	out := f.Rewrite(answers)
	again, err := syntax.Parse(f.Name, out)
	require.NoError(t, err, "%q", out)
	require.Len(t, again.Stmts, len(f.Stmts), "%q", out)
	for i, stmt := range again.Stmts {
		require.Equal(t, f.Stmts[i].Op, stmt.Op)
		require.Equal(t, f.Stmts[i].Await, stmt.Await, "%q", out)
		require.Equal(t, f.Stmts[i].Bind, stmt.Bind, "%q", out)
		if stmt.Parallel != nil || stmt.Condition != nil {
			continue // they stay as they are
		}
		require.True(t, syntax.Match(stmt.Want, a.Text), "%q is not %q", stmt.Want, a.Text)
		require.True(t, syntax.MatchBlock(stmt.Block, a.Block), "%q is not %q", stmt.Block, a.Block)
	}
	require.Equal(t, string(out), string(again.Rewrite(answers)))
}

// Generators of the language's parts, as text.
var (
	genName  = rapid.StringMatching(`[a-z_][a-z0-9_]{0,6}(\.[a-z][a-z0-9]{0,3})?`)
	genSpace = rapid.StringMatching(`[ \t]{0,3}`)
	genTerm  = rapid.StringMatching(`([0-9]{1,5}|0x[0-9a-fA-F]{1,6})[pkmg]?`)
	genText  = rapid.StringMatching(`[ -!#-&(-\[\]-~é]{0,8}`) // neither quotes nor backslashes
	// genTricky is text that the language usually cannot express.
	genTricky = rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("a.#'\"\\(= \t\n\r\x00\u00a0"))))
)

func genValue(depth int) *rapid.Generator[string] {
	kinds := []*rapid.Generator[string]{
		rapid.Map(rapid.SliceOfN(genTerm, 1, 3), func(s []string) string { return strings.Join(s, "+") }),
		rapid.Map(rapid.SliceOfN(genName, 1, 3), func(s []string) string { return strings.Join(s, "|") }),
		rapid.Map(genText, func(s string) string { return `"` + s + `"` }),
		rapid.SampledFrom([]string{"...", "'A'", `'\''`, `"\x41\n\"#"`, "-1"}),
	}
	if depth > 0 {
		kinds = append(kinds, rapid.Map(genArgs(depth-1), func(s string) string { return "{" + s + "}" }))
	}
	return rapid.OneOf(kinds...)
}

func genArgs(depth int) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var args []string
		for range rapid.IntRange(0, 3).Draw(t, "arguments") {
			arg := genValue(depth).Draw(t, "value")
			if rapid.Bool().Draw(t, "keyed") {
				arg = genName.Draw(t, "key") + "=" + arg
			}
			args = append(args, genSpace.Draw(t, "space")+arg)
		}
		return strings.Join(args, ",")
	})
}

// line is a generated statement, and the values that Parse must read from it.
type line struct {
	text, task, bind, name, want string
	await                        bool
	block                        []string
}

var genLine = rapid.Custom(func(t *rapid.T) line {
	l := line{name: genName.Draw(t, "name"), await: rapid.Bool().Draw(t, "await")}
	if l.await {
		l.task, l.text = l.name, l.name
	} else {
		if rapid.Bool().Draw(t, "on a task") {
			l.task = genName.Draw(t, "task")
			l.text = l.task + ": "
		}
		if rapid.Bool().Draw(t, "bound") {
			l.bind = genName.Draw(t, "bind")
			l.text += l.bind + " = "
		}
		l.text += l.name + "(" + genArgs(2).Draw(t, "arguments") + ")"
	}
	if rapid.Bool().Draw(t, "wanted") {
		l.want = rapid.SampledFrom([]string{"0", "-1 EINVAL (Invalid argument)", "loaded '#'", "0 {copy=...}"}).Draw(t, "want")
		l.text += genSpace.Draw(t, "column") + "= " + l.want
	}
	if rapid.Bool().Draw(t, "commented") {
		l.text += " # it's a comment"
	}
	l.block = rapid.SliceOfN(rapid.StringMatching(`[a-z'][a-z '#.]{0,6}[a-z]`), 0, 3).Draw(t, "block")
	return l
})

// Parse reads the statements that were written, and their own answers do not change them.
func TestReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(genLine, 0, 6).Draw(t, "lines")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")
		src := "#! title: generated" + end
		for _, l := range lines {
			src += l.text + end
			for _, b := range l.block {
				src += "\t" + b + end
			}
			src += rapid.SampledFrom([]string{"", end, "# it's a comment" + end}).Draw(t, "between")
		}
		if rapid.Bool().Draw(t, "unfinished") {
			src = strings.TrimSuffix(src, end)
		}
		f, err := syntax.Parse("x", []byte(src))
		require.NoError(t, err)
		require.Equal(t, "generated", f.Directive("title"))
		require.Len(t, f.Stmts, len(lines))
		for i, l := range lines {
			s := f.Stmts[i]
			require.Equal(t, l.await, s.Await)
			require.Equal(t, []string{l.task, l.bind, l.want}, []string{s.Task, s.Bind, s.Want})
			require.Equal(t, l.want != "", s.HasWant)
			require.Equal(t, fmt.Sprint(l.block), fmt.Sprint(s.Block))
			if !l.await {
				require.Equal(t, l.name, s.Call.Name)
			}
		}
		require.Equal(t, src, string(f.Rewrite(nil)))
		require.Equal(t, src, string(f.Rewrite(expected(f))))
		requireReadBack(t, f, syntax.Answer{
			Text:  genTricky.Draw(t, "answer"),
			Block: rapid.SliceOfN(genTricky, 0, 4).Draw(t, "output"),
		})
	})
}

// An expectation matches whatever its wildcards are replaced by.
func TestWildcardsStandForAnything(t *testing.T) {
	anything := rapid.StringMatching(`[ab. ]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[ab ]{0,3}`), 1, 4).Draw(t, "parts")
		got := words[0]
		for _, w := range words[1:] {
			got += anything.Draw(t, "for ...") + w
		}
		require.True(t, syntax.Match(strings.Join(words, "..."), got), "%q %q", words, got)
	})
}
