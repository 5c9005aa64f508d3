package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm/rule"
	"golang.org/x/tools/go/packages"
)

// pack is a package with functions that rules change.
type pack struct {
	rules string // path of the list of rules, from the root of the module
	dir   string // directory of the package, from the root
	fset  *token.FileSet
	pkg   *types.Package
	info  *types.Info
	files []*source
	own   []rule.Info    // the rules whose first hunk is in the package; it has their constants
	funcs []*function    // the functions that rules change, in the order of the files
	clash [][2]rule.Info // pairs of rules that cannot be dropped together
}

// source is a file of a package.
type source struct {
	name string // path from the root of the module, with slashes
	text string
	file *ast.File
}

// imports reports whether the file imports the path.
func (s *source) imports(path string) bool {
	return slices.ContainsFunc(s.file.Imports, func(spec *ast.ImportSpec) bool { return spec.Path.Value == `"`+path+`"` })
}

// function is a function that hunks change.
type function struct {
	src  *source
	decl *ast.FuncDecl
	ops  []op
}

// op is a change that a rule makes to a function.
type op struct {
	rule rule.Info
	hunk *rule.Hunk
	rule.Edit
}

// load parses and type-checks the packages. A type error is not an error: on the first
// run the generated files do not exist, and their declarations are missing.
func load(root string, dirs []string) ([]*pack, error) {
	var patterns []string
	for _, dir := range dirs {
		patterns = append(patterns, "./"+dir)
	}
	fset := token.NewFileSet()
	const mode = packages.NeedName | packages.NeedCompiledGoFiles | packages.NeedSyntax | packages.NeedTypes |
		packages.NeedTypesInfo | packages.NeedImports | packages.NeedDeps
	loaded, err := packages.Load(&packages.Config{Mode: mode, Dir: root, Fset: fset}, patterns...)
	if err != nil {
		return nil, err
	}
	if len(loaded) != len(dirs) {
		return nil, fmt.Errorf("%d packages at %v, not %d", len(loaded), patterns, len(dirs))
	}
	base, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var packs []*pack
	for _, l := range loaded {
		p := &pack{fset: fset, pkg: l.Types, info: l.TypesInfo}
		for _, file := range l.Syntax {
			path := fset.File(file.FileStart).Name()
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(base, path)
			if err != nil {
				return nil, err
			}
			p.dir = filepath.Dir(name)
			if !strings.HasSuffix(name, "_gen.go") {
				p.files = append(p.files, &source{filepath.ToSlash(name), string(text), file})
			}
		}
		packs = append(packs, p)
	}
	return packs, nil
}

// collect locates the hunks of the package's functions, and sets p.own, p.funcs and
// p.clash.
func (p *pack) collect(infos []rule.Info) error {
	byDecl := map[*ast.FuncDecl]*function{}
	for _, info := range infos {
		if filepath.Dir(info.Hunks[0].File) == p.dir {
			p.own = append(p.own, info)
		}
		for i := range info.Hunks {
			h := &info.Hunks[i]
			if filepath.Dir(h.File) != p.dir {
				continue
			}
			src, decl, err := p.find(h)
			if err != nil {
				return fmt.Errorf("%s:%d: rule %s: %w", p.rules, h.Line, info.Name, err)
			}
			edits, err := h.Locate(src.text)
			if err != nil {
				return fmt.Errorf("%s: rule %s: %w", p.rules, info.Name, err)
			}
			f := byDecl[decl]
			if f == nil {
				f = &function{src: src, decl: decl}
				byDecl[decl] = f
			}
			for _, e := range edits {
				f.ops = append(f.ops, op{info, h, e})
			}
		}
	}
	for _, src := range p.files {
		for _, d := range src.file.Decls {
			if decl, ok := d.(*ast.FuncDecl); ok && byDecl[decl] != nil {
				p.funcs = append(p.funcs, byDecl[decl])
			}
		}
	}
	return p.findClashes()
}

// find returns the file and the declaration of the function that the hunk names.
func (p *pack) find(h *rule.Hunk) (*source, *ast.FuncDecl, error) {
	for _, src := range p.files {
		if src.name != h.File {
			continue
		}
		var found *ast.FuncDecl
		for _, d := range src.file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || decl.Name.Name != h.Func:
			case found != nil:
				return nil, nil, fmt.Errorf("%s has two functions %s", h.File, h.Func)
			default:
				found = decl
			}
		}
		if found == nil {
			return nil, nil, fmt.Errorf("%s has no function %q", h.File, h.Func)
		}
		return src, found, nil
	}
	return nil, nil, fmt.Errorf("no file %s", h.File)
}

// findClashes sets p.clash to the pairs of rules with hunks that cannot both be applied.
// It returns an error if one rule has two such hunks.
func (p *pack) findClashes() error {
	seen := map[[2]rule.Rule]bool{}
	for _, f := range p.funcs {
		hunks := f.hunks()
		for i, a := range hunks {
			for _, b := range hunks[i+1:] {
				pair := [2]rule.Rule{a.rule.Rule, b.rule.Rule}
				switch {
				case !rule.Clash(a.edits, b.edits), seen[pair]:
				case a.rule.Rule == b.rule.Rule:
					return fmt.Errorf("%s:%d: rule %s: two hunks overlap", p.rules, b.line, b.rule.Name)
				default:
					seen[pair] = true
					p.clash = append(p.clash, [2]rule.Info{a.rule, b.rule})
				}
			}
		}
	}
	return nil
}

// located is a hunk of a rule with its edits.
type located struct {
	rule  rule.Info
	line  int // of the hunk in the list
	edits []rule.Edit
}

// hunks returns the hunks of the function in the order of the list.
func (f *function) hunks() []located {
	var all []located
	for i, o := range f.ops {
		if i == 0 || o.hunk != f.ops[i-1].hunk {
			all = append(all, located{rule: o.rule, line: o.hunk.Line})
		}
		last := &all[len(all)-1]
		last.edits = append(last.edits, o.Edit)
	}
	return all
}
