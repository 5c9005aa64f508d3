package uffd_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// foundOp is an operation of a Go function.
type foundOp struct {
	op    string // with "+ " before it if only later kernels have it
	pos   token.Pos
	conds []cond // of the statement, the innermost last
	since string // the release of a later operation
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
	conds  []cond                    // of the current statement, the innermost last
	values map[valueKey]truth        // the known values of conditions, once the walk is over
	result bool                      // in an expression that is returned or assigned
	found  []foundOp
}

func (w *walker) emit(op string, pos token.Pos) {
	if op == "" || named.MatchString(op) && w.emitNamed(op, pos) {
		return
	}
	w.found = append(w.found, foundOp{op: op, pos: pos, conds: slices.Clone(w.conds)})
}

// under calls walk with one more condition; one without an expression is none.
func (w *walker) under(c cond, walk func()) {
	if c.expr == nil {
		walk()
		return
	}
	outer := len(w.conds)
	w.conds = append(w.conds, c)
	walk()
	w.conds = w.conds[:outer]
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
	outer := len(w.conds)
	for i, s := range list {
		w.stmt(s)
		if i == len(list)-1 && len(w.conds) > 0 && setsError(s) {
			w.emit("ignore error", s.Pos())
		}
		if s, ok := s.(*ast.IfStmt); ok && terminates(s.Body) {
			w.conds = append(w.conds, cond{expr: s.Cond, not: true})
		}
	}
	w.conds = w.conds[:outer]
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
		w.emit(condOp(s), s.Pos())
		w.under(cond{expr: s.Cond, names: true}, func() { w.stmt(s.Body) })
		if !terminates(s.Body) && failure.MatchString(types.ExprString(s.Cond)) {
			w.emit("ignore error", s.Pos())
		}
		w.under(cond{expr: s.Cond, not: true, names: true}, func() { w.maybe(s.Else) })
	case *ast.ForStmt:
		w.maybe(s.Init)
		w.expr(s.Cond)
		w.under(cond{expr: s.Cond}, func() {
			w.stmt(s.Body)
			w.maybe(s.Post)
		})
	case *ast.RangeStmt:
		w.expr(s.X)
		w.stmt(s.Body)
	case *ast.SwitchStmt:
		w.maybe(s.Init)
		w.expr(s.Tag)
		for _, clause := range s.Body.List {
			w.clause(s.Tag, clause.(*ast.CaseClause))
		}
	case *ast.TypeSwitchStmt:
		w.maybe(s.Init)
		w.stmt(s.Assign)
		w.stmt(s.Body)
	case *ast.CaseClause:
		w.exprs(s.List)
		w.stmts(s.Body)
	case *ast.ReturnStmt:
		w.results(s.Results)
		if len(s.Results) == 1 {
			if text := types.ExprString(s.Results[0]); text == "true" || text == "false" {
				w.emit("return "+text, s.Pos())
			}
		}
	case *ast.AssignStmt:
		w.assign(s)
	case *ast.BranchStmt:
		if s.Tok == token.CONTINUE {
			w.emit("continue", s.Pos())
		}
		if s.Tok == token.GOTO && s.Label.Name == "retry" {
			w.emit("retry", s.Pos())
		}
	case *ast.IncDecStmt, *ast.EmptyStmt:
	default:
		w.emit(fmt.Sprintf("%T, which is not followed", s), s.Pos())
	}
}

// clause walks a case of a switch statement.
func (w *walker) clause(tag ast.Expr, c *ast.CaseClause) {
	w.exprs(c.List)
	var one ast.Expr
	for _, e := range c.List {
		if tag != nil {
			e = &ast.BinaryExpr{X: tag, Op: token.EQL, Y: e}
		}
		if one == nil {
			one = e
		} else {
			one = &ast.BinaryExpr{X: one, Op: token.LOR, Y: e}
		}
	}
	w.under(cond{expr: one, names: true}, func() { w.stmts(c.Body) })
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
			w.firstValue(left, s.Rhs[i])
		}
		w.emit(assignOp(types.ExprString(left)+" "+s.Tok.String()+" "+right), s.Pos())
	}
}

// firstValue records the value that a new variable holds.
func (w *walker) firstValue(left, right ast.Expr) {
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
		c := cond{expr: e.X, not: e.Op == token.LOR}
		if e.Op != token.LAND && e.Op != token.LOR {
			c.expr = nil
		}
		w.under(c, func() { w.expr(e.Y) })
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
			if name := condName(types.ExprString(e.Args[1])); name != "" {
				op += ": " + name
			}
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
