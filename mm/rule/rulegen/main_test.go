package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// The generated files match the current list and sources.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generate(root)
	require.NoError(t, err)
	require.Len(t, files, len(ruled))
	for name, want := range files {
		have, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(have), "%s: go generate ./uffd", name)
	}
}

// module writes a module with one package and a list of rules, and returns its root.
func module(t *testing.T, source, rules string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module example.com/m\n\ngo 1.26\n",
		"p/p.go":  source,
		"p/other": "",
	} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "rules.diff"), []byte(rules), 0o666))
	return dir
}

// write returns the generated file of a package that consists of one source file.
func write(t *testing.T, source, rules string) (string, error) {
	t.Helper()
	files, err := generateFrom(module(t, source, rules), "rules.diff", []string{"p"})
	return string(files[filepath.Join("p", "rules_gen.go")]), err
}

const fields = "\tnumber N-1\n\tfunction f\n\tdoes a\n\tinstead b\n\tsymptom nothing\n\tprogram copy\n"

// steps returns the source of a function with 100 steps, and a list with a rule for each
// step, which removes it.
func steps() (source, rules string) {
	var body strings.Builder
	for i := range 100 {
		fmt.Fprintf(&body, "\tdid = append(did, %d)\n", i)
		rules += fmt.Sprintf("rule step-%s\n%s@@ p/p.go run\n-\tdid = append(did, %d)\n", word(i), fields, i)
	}
	return `package main

import "github.com/uffdsim/uffdsim/mm/rule"

func run(set rule.Set) (did []int) {
	if set.Any() {
		return runWithout(set)
	}
` + body.String() + "\treturn did\n}\n", rules
}

// word returns two letters for a number below 100, because a rule's name has no digits.
func word(i int) string { return string([]byte{'a' + byte(i/10), 'a' + byte(i%10)}) }

// 100 generated rules, more than a word has bits, can be dropped alone and together.
func TestHundredRules(t *testing.T) {
	source, rules := steps()
	generated, err := write(t, source, rules)
	require.NoError(t, err)
	generated = strings.ReplaceAll(generated, "package p\n", "package main\n")
	main := `package main

import (
	"fmt"
	"github.com/uffdsim/uffdsim/mm/rule"
)

func main() {
	for a := range rule.Rule(100) {
		for _, dropped := range [][]rule.Rule{{}, {a}, {a, 99 - a}, {a, (a + 1) % 100, (a + 64) % 100}} {
			set, want := rule.Of(dropped...), []int{}
			for i := range 100 {
				if !set.Has(rule.Rule(i)) {
					want = append(want, i)
				}
			}
			if got := run(set); fmt.Sprint(got) != fmt.Sprint(want) {
				fmt.Println(dropped, got)
			}
		}
	}
	fmt.Println("done")
}
`
	require.Equal(t, "done\n", runMain(t, map[string]string{"run.go": source, "rules_gen.go": generated, "main.go": main}))
}

// runMain runs a program of package main and returns its output. The files overlay this
// module, so that the program can import its packages.
func runMain(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	base, err := filepath.Abs("hundred")
	require.NoError(t, err)
	replace := map[string]string{}
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		replace[filepath.Join(base, name)] = path
	}
	config, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlay := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, config, 0o666))
	out, err := exec.Command("go", "run", "-overlay", overlay, "./hundred").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

const small = `package p

type set struct{}

func (set) Any() bool { return true }

func get() int

func f(s set, a int) int {
	if s.Any() {
		return fWithout(s, a)
	}
	x := get()
	if a > 0 &&
		x > 1 {
		x++
	}
	return x
}
`

func TestGenerated(t *testing.T) {
	rule := func(name, lines string) string { return "rule " + name + "\n" + fields + "@@ p/p.go f\n" + lines }
	for _, c := range []struct{ name, rules, want string }{
		{
			"a removed declaration is hoisted", rule("early", "-\tx := get()\n") + "@@ p/p.go f\n+\tx := 7\n \tif a > 0 &&\n",
			"\tvar x int\n\tif !dropped.Has(Early) {\n\t\tx = get()\n\t}\n\tif dropped.Has(Early) {\n\t\tx = 7\n\t}\n",
		},
		{
			"a condition", rule("positive", "-\tif a > 0 &&\n+\tif true &&\n"),
			"\tif dropped.Has(Positive) && (true &&\n\t\tx > 1) || !dropped.Has(Positive) && (a > 0 &&\n\t\tx > 1) {\n\t\tx++\n\t}\n",
		},
		{
			"a statement in a block", rule("inner", "-\t\tx++\n"),
			"\t\tx > 1 {\n\t\tif !dropped.Has(Inner) {\n\t\t\tx++\n\t\t}\n\t}\n",
		},
		{
			"two rules that change one statement", rule("whole", "-\tif a > 0 &&\n-\t\tx > 1 {\n-\t\tx++\n-\t}\n") + rule("inner", "-\t\tx++\n"),
			"\tif dropped.Has(Whole) {\n\t} else if dropped.Has(Inner) {\n\t\tif a > 0 &&\n\t\t\tx > 1 {\n\t\t}\n\t} else {\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := write(t, small, c.rules)
			require.NoError(t, err)
			require.Contains(t, text, c.want)
			require.Contains(t, text, "func fWithout(s set, a int) int {\n\tdropped := s\n")
		})
	}
	text, err := write(t, small, rule("whole", "-\tx := get()\n+\tx := 1\n")+rule("other", "-\tx := get()\n+\tx := 2\n"))
	require.NoError(t, err)
	require.Contains(t, text, "var clashes = [][2]rule.Rule{\n\t{Whole, Other},\n}")
}

const undispatched = `package p

type set struct{}

func (set) Any() bool { return true }

type context struct {
	name    string
	dropped set
}

type config struct{ Dropped set }

func x()

func (c *context) F(a, b int) {
	x()
}

func g(n int, conf config) int {
	x()
	return n
}

func h() {
	x()
}
`

// Errors name the line of the list, and the dispatch line that is missing.
func TestGenerateErrors(t *testing.T) {
	for _, c := range []struct{ source, hunk, want string }{
		{small, "@@ p/p.go f\n-\ty++\n", `rules.diff: rule r: the hunk of line 8 matches nowhere in p/p.go f: no line is "y++"`},
		{small, "@@ p/p.go g\n-\ty++\n", `rules.diff:8: rule r: p/p.go has no function "g"`},
		{small, "@@ p/q.go f\n-\ty++\n", "rules.diff:8: rule r: no file p/q.go"},
		{small, "@@ q/q.go f\n-\ty++\n", "rules.diff:8: q/q.go is in none of [p]"},
		{small, "@@ p/p.go f\n-\tif s.Any() {\n+\tif false {\n", "rules.diff:8: rule r: the hunk changes the head of p/p.go f"},
		{strings.Replace(small, "\treturn x\n", "", 1), "@@ p/p.go f\n-\treturn x\n", "matches nowhere"},
		{strings.Replace(small, "fWithout", "g", 1), "@@ p/p.go f\n-\t\tx++\n", "p/p.go f: the dispatch calls no fWithout"},
		{strings.Replace(small, "s.Any()", "true", 1), "@@ p/p.go f\n-\t\tx++\n", "p/p.go f: no dispatch line; make this its first statement: if s.Any() { return fWithout(s, a) }"},
		{undispatched, "@@ p/p.go F\n-\tx()\n", "p/p.go F: no dispatch line; make this its first statement: if c.dropped.Any() { c.fWithout(a, b); return }"},
		{undispatched, "@@ p/p.go g\n-\tx()\n", "p/p.go g: no dispatch line; make this its first statement: if conf.Dropped.Any() { return gWithout(n, conf) }"},
		{undispatched, "@@ p/p.go h\n-\tx()\n", "p/p.go h: no dispatch line; make this its first statement: if SET.Any() { hWithout(); return }"},
	} {
		_, err := write(t, c.source, "rule r\n"+fields+c.hunk)
		require.ErrorContains(t, err, c.want)
	}
}
