package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The generated function is the patched source: without any rule dropped, for each rule,
// and for each two rules that can be dropped together and change the same function. Once
// its conditions are decided, the generated function has the statements of the source
// with the hunks applied.
func TestGeneratedIsThePatchedSource(t *testing.T) {
	functions := ruledFunctions(t)
	infos := uffd.Rules()
	pairs := 0
	for _, f := range functions {
		require.Equal(t, f.patched(t), f.decided(t), "%s without any rule", f.name)
		for a, edits := range f.edits {
			name := infos[a].Name
			require.Equal(t, f.patched(t, edits), f.decided(t, name), "%s without %s", f.name, name)
			for b, others := range f.edits {
				if a >= b || uffd.CheckDropped(rule.Of(a, b)) != nil {
					continue
				}
				pairs++
				require.Equal(t, f.patched(t, edits, others), f.decided(t, name, infos[b].Name),
					"%s without %s and %s", f.name, name, infos[b].Name)
			}
		}
	}
	require.Greater(t, pairs, 100)
}

// The error of CheckDropped names a function in which hunks of both rules clash.
func TestClashesAreWhereTheErrorSays(t *testing.T) {
	infos := uffd.Rules()
	clashes := 0
	for a := range infos {
		for b := a + 1; b < len(infos); b++ {
			err := uffd.CheckDropped(rule.Of(rule.Rule(a), rule.Rule(b)))
			if err == nil {
				continue
			}
			clashes++
			_, where, _ := strings.Cut(err.Error(), "overlap in ")
			require.True(t, slices.ContainsFunc(infos[a].Hunks, func(g rule.Hunk) bool {
				return where == strings.TrimSuffix(g.File, ".go")+"."+g.Func && slices.ContainsFunc(infos[b].Hunks, func(h rule.Hunk) bool {
					return g.File == h.File && g.Func == h.Func && rule.Clash(locate(t, &g), locate(t, &h))
				})
			}), "%v", err)
		}
	}
	require.NotZero(t, clashes)
}

func locate(t *testing.T, h *rule.Hunk) []rule.Edit {
	text, err := os.ReadFile(filepath.Join(root, h.File))
	require.NoError(t, err)
	edits, err := h.Locate(string(text))
	require.NoError(t, err)
	return edits
}

// ruledFunction is a function that rules change.
type ruledFunction struct {
	name              string
	source, generated string // text of the function, and of the generated one
	start             int    // offset of the source in its file
	edits             map[rule.Rule][]rule.Edit
	hoisted           map[string]bool // variables that only the generated function declares by var
}

// ruledFunctions returns all functions that rules change, by file and name.
func ruledFunctions(t *testing.T) map[string]*ruledFunction {
	functions := map[string]*ruledFunction{}
	for _, info := range uffd.Rules() {
		for i := range info.Hunks {
			h := &info.Hunks[i]
			f := functions[h.File+" "+h.Func]
			if f == nil {
				f = &ruledFunction{name: h.Func, edits: map[rule.Rule][]rule.Edit{}}
				f.source, f.start = functionText(t, h.File, h.Func)
				without := strings.ToLower(h.Func[:1]) + h.Func[1:] + "Without"
				f.generated, _ = functionText(t, filepath.Join(filepath.Dir(h.File), "rules_gen.go"), without)
				f.hoisted = hoisted(t, f.source, f.generated)
				functions[h.File+" "+h.Func] = f
			}
			f.edits[info.Rule] = append(f.edits[info.Rule], locate(t, h)...)
		}
	}
	return functions
}

// functionText returns the text of a function and its offset in the file.
func functionText(t *testing.T, file, name string) (string, int) {
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
	require.NoError(t, err)
	for _, d := range parsed.Decls {
		if decl, ok := d.(*ast.FuncDecl); ok && decl.Name.Name == name {
			start := fset.Position(decl.Pos()).Offset
			return string(text[start:fset.Position(decl.End()).Offset]), start
		}
	}
	t.Fatalf("%s has no function %s", file, name)
	return "", 0
}

// patched returns the statements of the source with the edits of several rules applied.
func (f *ruledFunction) patched(t *testing.T, rules ...[]rule.Edit) string {
	edits := slices.Concat(rules...)
	for i := range edits {
		edits[i].Start -= f.start
		edits[i].End -= f.start
	}
	return (&decider{hoisted: f.hoisted}).text(t, rule.Apply(f.source, edits))
}

// decided returns the statements that the generated function executes if the rules are
// dropped.
func (f *ruledFunction) decided(t *testing.T, rules ...string) string {
	d := &decider{dropped: map[string]bool{}, hoisted: f.hoisted}
	for _, name := range rules {
		d.dropped[goName(name)] = true
	}
	return d.text(t, f.generated)
}

// hoisted returns the variables that the generated function declares by var and the
// source does not.
func hoisted(t *testing.T, source, generated string) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(parse(t, generated), func(n ast.Node) bool {
		if name := bareVar(n); name != "" {
			names[name] = true
		}
		return true
	})
	ast.Inspect(parse(t, source), func(n ast.Node) bool {
		delete(names, bareVar(n))
		return true
	})
	return names
}

func parse(t *testing.T, function string) *ast.FuncDecl {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+function, parser.SkipObjectResolution)
	require.NoError(t, err, "%s", function)
	return file.Decls[0].(*ast.FuncDecl)
}

// bareVar returns the variable of a declaration without a value, "" for any other node.
func bareVar(n ast.Node) string {
	s, ok := n.(*ast.DeclStmt)
	if !ok {
		return ""
	}
	decl := s.Decl.(*ast.GenDecl)
	if spec, ok := decl.Specs[0].(*ast.ValueSpec); ok && decl.Tok == token.VAR && spec.Values == nil {
		return spec.Names[0].Name
	}
	return ""
}
