package uffd_test

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
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
		f, err := parser.ParseFile(p.fset, filepath.Join(dir, name), nil, parser.SkipObjectResolution)
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

// foundOp is an operation of a Go function.
type foundOp struct {
	op  string
	pos token.Pos
}

// walker collects the operations of one Go function in the order of the source, arguments
// before their call. It follows calls of functions of the same package that recreate no
// kernel function.
type walker struct {
	prog   *program
	listed map[*types.Func]string    // the functions that have a list, with its name
	kernel map[*types.Func]bool      // the functions that recreate a kernel function
	vars   map[types.Object]ast.Expr // local variables, with their first value
	stack  []*types.Func             // the function, then the followed calls
	defers [][]ast.Expr              // deferred calls, by function
	result bool                      // in an expression that is returned or assigned
	found  []foundOp
}

func (w *walker) emit(op string, pos token.Pos) {
	if op != "" {
		w.found = append(w.found, foundOp{op, pos})
	}
}

func (w *walker) function(fn *types.Func) {
	w.stack = append(w.stack, fn)
	w.defers = append(w.defers, nil)
	w.stmt(w.prog.funcs[fn].Body)
	last := len(w.stack) - 1
	for _, call := range slices.Backward(w.defers[last]) {
		w.expr(call)
	}
	w.stack, w.defers = w.stack[:last], w.defers[:last]
}

func (w *walker) stmts(list []ast.Stmt) {
	for _, s := range list {
		w.stmt(s)
	}
}

func (w *walker) stmt(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.BlockStmt:
		w.stmts(s.List)
	case *ast.ExprStmt:
		w.expr(s.X)
	case *ast.LabeledStmt:
		w.stmt(s.Stmt)
	case *ast.DeferStmt:
		last := len(w.defers) - 1
		w.defers[last] = append(w.defers[last], s.Call)
	case *ast.DeclStmt:
		if decl, ok := s.Decl.(*ast.GenDecl); ok && decl.Tok == token.VAR {
			for _, spec := range decl.Specs {
				spec := spec.(*ast.ValueSpec)
				w.results(spec.Values)
			}
		}
	case *ast.IfStmt:
		if droppedRule.MatchString(types.ExprString(s.Cond)) {
			return // the dispatch to the variants without some rules
		}
		w.maybe(s.Init)
		w.expr(s.Cond)
		w.stmt(s.Body)
		w.maybe(s.Else)
	case *ast.ForStmt:
		w.maybe(s.Init)
		w.expr(s.Cond)
		w.stmt(s.Body)
		w.maybe(s.Post)
	case *ast.RangeStmt:
		w.expr(s.X)
		w.stmt(s.Body)
	case *ast.SwitchStmt:
		w.maybe(s.Init)
		w.expr(s.Tag)
		w.stmt(s.Body)
	case *ast.TypeSwitchStmt:
		w.maybe(s.Init)
		w.stmt(s.Assign)
		w.stmt(s.Body)
	case *ast.CaseClause:
		w.exprs(s.List)
		w.stmts(s.Body)
	case *ast.ReturnStmt:
		w.results(s.Results)
	case *ast.AssignStmt:
		w.assign(s)
	case *ast.BranchStmt, *ast.IncDecStmt, *ast.EmptyStmt:
	default:
		w.emit(fmt.Sprintf("%T, which is not followed", s), s.Pos())
	}
}

// maybe walks a statement unless it is nil.
func (w *walker) maybe(s ast.Stmt) {
	if s != nil {
		w.stmt(s)
	}
}

func (w *walker) results(list []ast.Expr) {
	w.result = true
	w.exprs(list)
	w.result = false
}

func (w *walker) assign(s *ast.AssignStmt) {
	if s.Tok != token.DEFINE || !startsRetry(s) {
		w.results(s.Rhs)
	}
	for i, left := range s.Lhs {
		right := ""
		if len(s.Rhs) == len(s.Lhs) {
			right = types.ExprString(s.Rhs[i])
			w.functionValue(left, s.Rhs[i])
		}
		w.emit(assignOp(types.ExprString(left), right), s.Pos())
	}
}

// functionValue records the function that a new variable holds.
func (w *walker) functionValue(left, right ast.Expr) {
	id, ok := left.(*ast.Ident)
	if !ok {
		return
	}
	if v := w.prog.info.Defs[id]; v != nil {
		w.vars[v] = right
	}
}

func (w *walker) exprs(list []ast.Expr) {
	for _, e := range list {
		w.expr(e)
	}
}

func (w *walker) expr(e ast.Expr) {
	switch e := e.(type) {
	case *ast.CallExpr:
		w.call(e)
	case *ast.ParenExpr:
		w.expr(e.X)
	case *ast.StarExpr:
		w.expr(e.X)
	case *ast.UnaryExpr:
		w.expr(e.X)
	case *ast.BinaryExpr:
		w.expr(e.X)
		w.expr(e.Y)
	case *ast.IndexExpr:
		w.expr(e.X)
		w.expr(e.Index)
	case *ast.SliceExpr:
		w.expr(e.X)
	case *ast.TypeAssertExpr:
		w.expr(e.X)
	case *ast.KeyValueExpr:
		w.expr(e.Value)
	case *ast.CompositeLit:
		outer := w.result
		w.result = false
		w.exprs(e.Elts)
		w.result = outer
		w.emit(literalOp(e), e.Pos())
	case *ast.SelectorExpr:
		w.expr(e.X)
		if w.result {
			w.emit(resultOp(types.ExprString(e)), e.Pos())
		}
	}
}

// call walks a call: the function expression, the arguments, and then the call itself.
func (w *walker) call(e *ast.CallExpr) {
	fun := ast.Unparen(e.Fun)
	name := types.ExprString(fun)
	if ignored.MatchString(name) {
		return
	}
	if w.result && !conversion.MatchString(name) {
		w.result = false
		defer func() { w.result = true }()
	}
	if sel, ok := fun.(*ast.SelectorExpr); ok {
		w.expr(sel.X)
	}
	before := len(w.found)
	w.exprs(e.Args)
	if op, known := callOp(name, e.Args); known {
		if strings.HasPrefix(op, "bug_on") {
			// The tests inside an assertion are not operations of the function.
			looks := slices.DeleteFunc(w.found[before:], func(f foundOp) bool { return asserted.MatchString(f.op) })
			w.found = w.found[:before+len(looks)]
		}
		w.emit(op, e.Pos())
		return
	}
	if id, ok := fun.(*ast.Ident); ok && w.vars[w.prog.info.Uses[id]] != nil {
		fun = w.vars[w.prog.info.Uses[id]]
	}
	if lit, ok := fun.(*ast.FuncLit); ok {
		w.stmt(lit.Body)
		return
	}
	switch fn := w.prog.callee(fun); {
	case fn == nil:
	case w.listed[fn] != "":
		w.emit("call "+w.listed[fn], e.Pos())
	case !w.kernel[fn] && w.follows(fn):
		w.function(fn)
	}
}

// follows reports whether the walk continues in the function.
func (w *walker) follows(fn *types.Func) bool {
	if w.prog.funcs[fn] == nil || slices.Contains(w.stack, fn) {
		return false
	}
	return fn.Pkg() == w.stack[len(w.stack)-1].Pkg()
}
