package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// All mutants of the explorer are built into one binary for each test package, because a
// build takes longer than the tests that kill a mutant. (R. Untch, A. Offutt, M. Harrold,
// "Mutation analysis using mutant schemata", 1993.) For each mutant there is a variant of
// the function that it changes, and the function calls that variant if the variable
// sim.Mutant, set from the environment, is the mutant's number.

// variable is the variable of the environment.
const variable = "MUTANT"

// schemata collects the variants of each file.
type schemata struct {
	files map[string]*schema
}

// schema is a file with variants of its functions.
type schema struct {
	text     string
	fset     *token.FileSet
	ast      *ast.File
	inserts  map[int]string // after a byte offset of text
	variants strings.Builder
}

// add adds a mutant, and reports whether it changes functions only.
func (s *schemata) add(number int, m *mutant) (bool, error) {
	type change struct {
		schema *schema
		old    *ast.FuncDecl
		new    string
	}
	var changes []change
	for file, text := range m.changed {
		f, err := s.schema(file)
		if err != nil {
			return false, err
		}
		fset := token.NewFileSet()
		mutated, err := parser.ParseFile(fset, file, text, parser.SkipObjectResolution)
		if err != nil {
			return false, err
		}
		if len(mutated.Decls) != len(f.ast.Decls) {
			return false, nil
		}
		for i, d := range mutated.Decls {
			was := source(f.fset, f.text, f.ast.Decls[i])
			is := source(fset, text, d)
			if was == is {
				continue
			}
			old, ok := f.ast.Decls[i].(*ast.FuncDecl)
			if !ok || old.Type.TypeParams != nil || !named(old) {
				return false, nil
			}
			name := d.(*ast.FuncDecl).Name
			at := fset.Position(name.Pos()).Offset - fset.Position(d.Pos()).Offset
			changes = append(changes, change{f, old, is[:at] + variantOf(old.Name.Name, number) + is[at+len(name.Name):]})
		}
	}
	for _, c := range changes {
		at := c.schema.fset.Position(c.old.Body.Lbrace).Offset + 1
		c.schema.inserts[at] += dispatch(c.schema.ast.Name.Name, c.old, number)
		c.schema.variants.WriteString("\n" + c.new + "\n")
	}
	return len(changes) > 0, nil
}

func variantOf(name string, number int) string { return fmt.Sprintf("%s_mutant%d", name, number) }

// source returns the text of a declaration without its comment.
func source(fset *token.FileSet, text string, d ast.Decl) string {
	from := d.Pos()
	if f, ok := d.(*ast.FuncDecl); ok {
		from = f.Type.Func
	}
	return text[fset.Position(from).Offset:fset.Position(d.End()).Offset]
}

// named reports whether the function's receiver and parameters have names.
func named(f *ast.FuncDecl) bool {
	for _, list := range []*ast.FieldList{f.Recv, f.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			if len(field.Names) == 0 || slices.ContainsFunc(field.Names, func(n *ast.Ident) bool { return n.Name == "_" }) {
				return false
			}
		}
	}
	return true
}

// dispatch returns the statement with which a function calls its variant.
func dispatch(pkg string, f *ast.FuncDecl, number int) string {
	var args []string
	for _, field := range f.Type.Params.List {
		for _, n := range field.Names {
			args = append(args, n.Name)
		}
		if _, variadic := field.Type.(*ast.Ellipsis); variadic {
			args[len(args)-1] += "..."
		}
	}
	call := variantOf(f.Name.Name, number) + "(" + strings.Join(args, ", ") + ")"
	if f.Recv != nil {
		call = f.Recv.List[0].Names[0].Name + "." + call
	}
	if f.Type.Results != nil {
		call = "return " + call
	} else {
		call += "; return"
	}
	where := "Mutant"
	if pkg != "sim" {
		where = "sim.Mutant"
	}
	return fmt.Sprintf("\nif %s == %d { %s }\n", where, number, call)
}

// schema returns the schema of a file.
func (s *schemata) schema(file string) (*schema, error) {
	if f := s.files[file]; f != nil {
		return f, nil
	}
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		return nil, err
	}
	f := &schema{text: string(text), fset: token.NewFileSet(), inserts: map[int]string{}}
	if f.ast, err = parser.ParseFile(f.fset, file, text, parser.SkipObjectResolution); err != nil {
		return nil, err
	}
	if path.Dir(file) != "sim" && !strings.Contains(f.text, "uffdsim/sim\"") {
		f.inserts[f.fset.Position(f.ast.Name.End()).Offset] = "\n\nimport \"github.com/uffdsim/uffdsim/sim\"\n"
	}
	s.files[file] = f
	return f, nil
}

// build builds a test binary for each package of the list's tests, in dir. It reports
// which mutants, by their index, are in the binaries.
func (l *mutantList) build(mutants []mutant, dir string) (has map[int]bool, err error) {
	s, has := &schemata{files: map[string]*schema{}}, map[int]bool{}
	for i := range mutants {
		if has[i], err = s.add(i+1, &mutants[i]); err != nil {
			return nil, err
		}
	}
	overlay, err := (&mutant{changed: s.texts()}).overlay(dir)
	if err != nil {
		return nil, err
	}
	for _, run := range l.tests {
		pkg := run.args[len(run.args)-1]
		out, err := exec.Command("go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary(dir, pkg), pkg).CombinedOutput()
		if err != nil {
			return nil, fmt.Errorf("the mutants do not compile together: %s", out)
		}
	}
	return has, nil
}

// binary returns the name of a package's test binary.
func binary(dir, pkg string) string { return filepath.Join(dir, path.Base(pkg)+".test") }

// runBuilt runs tests with a mutant, 0 for none, in a binary that build has built.
func (r *testRun) runBuilt(number int, dir string) ([]byte, error) {
	var args []string
	for _, arg := range r.args[:len(r.args)-1] {
		if flag, ok := strings.CutPrefix(arg, "-"); ok {
			arg = "-test." + flag
		}
		args = append(args, arg)
	}
	pkg := r.args[len(r.args)-1]
	cmd := exec.Command(binary(dir, pkg), append(args, "-test.failfast", "-test.timeout", timeLimit)...)
	cmd.Dir = filepath.FromSlash(pkg)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", variable, number))
	return cmd.CombinedOutput()
}

// texts returns the new texts of the files, and of one more that defines the variable.
func (s *schemata) texts() map[string]string {
	texts := map[string]string{"sim/mutant.go": `package sim

import (
	"os"
	"strconv"
)

// Mutant is the number of the mutant to be run.
var Mutant, _ = strconv.Atoi(os.Getenv("` + variable + `"))
`}
	for file, f := range s.files {
		var b strings.Builder
		last := 0
		offsets := make([]int, 0, len(f.inserts))
		for at := range f.inserts {
			offsets = append(offsets, at)
		}
		slices.Sort(offsets)
		for _, at := range offsets {
			b.WriteString(f.text[last:at] + f.inserts[at])
			last = at
		}
		texts[file] = b.String() + f.text[last:] + f.variants.String()
	}
	return texts
}
