package uffd_test

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"strings"
)

const modulePath = "github.com/uffdsim/uffdsim"

// program holds the syntax of this module's packages, and the objects that their
// identifiers denote. Packages of other modules are empty: nothing in them is compared.
type program struct {
	fset  *token.FileSet
	info  types.Info
	pkgs  map[string]*types.Package
	funcs map[*types.Func]*ast.FuncDecl
	names map[string]*types.Func // by the name that documentation uses: "uffd.(*Ctx).get"
	texts map[string]string      // of files that replace those of the module, by path
}

func newProgram() *program {
	return &program{
		fset:  token.NewFileSet(),
		info:  types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}},
		pkgs:  map[string]*types.Package{},
		funcs: map[*types.Func]*ast.FuncDecl{},
		names: map[string]*types.Func{},
	}
}

// with returns a program in which a text replaces a file of uffd or mm, by path. It
// shares the packages that depend on neither.
func (p *program) with(texts map[string]string) *program {
	q := *p
	q.pkgs, q.funcs, q.names, q.texts = maps.Clone(p.pkgs), maps.Clone(p.funcs), maps.Clone(p.names), texts
	delete(q.pkgs, modulePath+"/uffd")
	for file := range texts {
		if strings.HasPrefix(file, "../mm/") {
			delete(q.pkgs, modulePath+"/mm")
		}
	}
	return &q
}

// Import implements [types.Importer].
func (p *program) Import(path string) (*types.Package, error) {
	if pkg := p.pkgs[path]; pkg != nil {
		return pkg, nil
	}
	dir, inside := strings.CutPrefix(path, modulePath+"/")
	if !inside {
		pkg := types.NewPackage(path, filepath.Base(path))
		pkg.MarkComplete()
		p.pkgs[path] = pkg
		return pkg, nil
	}
	dir = filepath.Join("..", dir)
	b, err := build.ImportDir(dir, 0)
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, name := range b.GoFiles {
		file := filepath.Join(dir, name)
		var text any // nil: as it is on disk
		if changed, ok := p.texts[filepath.ToSlash(file)]; ok {
			text = changed
		}
		f, err := parser.ParseFile(p.fset, file, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return p.add(path, files), nil
}

// add type-checks a package. It ignores the errors at uses of other modules' packages.
func (p *program) add(path string, files []*ast.File) *types.Package {
	conf := types.Config{Importer: p, Error: func(error) {}}
	pkg, _ := conf.Check(path, p.fset, files, &p.info)
	p.pkgs[path] = pkg
	for _, f := range files {
		for _, d := range f.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			fn := p.info.Defs[decl.Name].(*types.Func)
			p.funcs[fn] = decl
			p.names[docName(f.Name.Name, decl)] = fn
		}
	}
	return pkg
}

func docName(pkg string, decl *ast.FuncDecl) string {
	if decl.Recv == nil {
		return pkg + "." + decl.Name.Name
	}
	recv := types.ExprString(decl.Recv.List[0].Type)
	if strings.HasPrefix(recv, "*") {
		recv = "(" + recv + ")"
	}
	return pkg + "." + recv + "." + decl.Name.Name
}

// callee returns the function that an expression names, nil if none.
func (p *program) callee(e ast.Expr) *types.Func {
	var id *ast.Ident
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		id = e
	case *ast.SelectorExpr:
		id = e.Sel
	default:
		return nil
	}
	fn, _ := p.info.Uses[id].(*types.Func)
	return fn
}
