package main

import (
	"bytes"
	"go/ast"
	"go/printer"
	"go/token"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// decider evaluates the conditions of a generated function for a set of dropped rules. It
// leaves the source of a function as it is, except for := of hoisted variables.
type decider struct {
	dropped map[string]bool // names of the rules' constants
	hoisted map[string]bool // names of hoisted variables
}

// text returns the statements of a function, without comments and redundant parentheses.
func (d *decider) text(t *testing.T, source string) string {
	var b bytes.Buffer
	for _, s := range d.list(parse(t, source).Body.List) {
		require.NoError(t, printer.Fprint(&b, token.NewFileSet(), s))
		b.WriteByte('\n')
	}
	return b.String()
}

func (d *decider) list(stmts []ast.Stmt) []ast.Stmt {
	var all []ast.Stmt
	for _, s := range stmts {
		all = append(all, d.stmt(s)...)
	}
	return all
}

// stmt returns the statements that replace a statement: those of the branch that is
// taken, and none for the dispatch line, the set of rules and the declaration of a
// hoisted variable. A := of a hoisted variable becomes =.
func (d *decider) stmt(s ast.Stmt) []ast.Stmt {
	switch s := s.(type) {
	case *ast.DeclStmt:
		if d.hoisted[bareVar(s)] {
			return nil
		}
	case *ast.AssignStmt:
		name := func(e ast.Expr) string { id, _ := e.(*ast.Ident); return id.String() }
		if name(s.Lhs[0]) == "dropped" {
			return nil
		}
		if s.Tok == token.DEFINE && slices.ContainsFunc(s.Lhs, func(e ast.Expr) bool { return d.hoisted[name(e)] }) {
			s.Tok = token.ASSIGN
		}
	case *ast.IfStmt:
		return d.branch(s)
	case *ast.BlockStmt:
		s.List = d.list(s.List)
	case *ast.ForStmt:
		s.Body.List = d.list(s.Body.List)
	case *ast.RangeStmt:
		s.Body.List = d.list(s.Body.List)
	case *ast.SwitchStmt:
		d.clauses(s.Body)
	case *ast.TypeSwitchStmt:
		d.clauses(s.Body)
	case *ast.LabeledStmt:
		all := d.stmt(s.Stmt)
		if len(all) == 0 {
			all = []ast.Stmt{&ast.EmptyStmt{}}
		}
		s.Stmt = all[0]
		return append([]ast.Stmt{s}, all[1:]...)
	}
	return []ast.Stmt{s}
}

func (d *decider) clauses(body *ast.BlockStmt) {
	for _, c := range body.List {
		clause := c.(*ast.CaseClause)
		clause.Body = d.list(clause.Body)
	}
}

// branch is stmt for an if statement.
func (d *decider) branch(s *ast.IfStmt) []ast.Stmt {
	if call, ok := s.Cond.(*ast.CallExpr); ok {
		if fun, ok := call.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == "Any" {
			return nil
		}
	}
	cond, value := d.condition(s.Cond)
	switch other := s.Else.(type) {
	case *ast.BlockStmt:
		other.List = d.list(other.List)
		if value == never {
			return other.List
		}
	case *ast.IfStmt:
		all := d.branch(other)
		if value == never {
			return all
		}
		s.Else = &ast.BlockStmt{List: all}
		if len(all) == 1 {
			s.Else = all[0]
		}
	}
	if value == never {
		return nil
	}
	s.Body.List = d.list(s.Body.List)
	if value == always {
		return s.Body.List
	}
	s.Cond = cond
	return []ast.Stmt{s}
}

// value is the value of a condition, as far as the set of rules decides it.
type value int

const (
	unknown value = iota
	always
	never
)

func (v value) not() value { return [...]value{unknown, never, always}[v] }

// condition returns a condition without parentheses and without the terms that the set of
// rules decides, and its value.
func (d *decider) condition(e ast.Expr) (ast.Expr, value) {
	switch x := e.(type) {
	case *ast.ParenExpr:
		return d.condition(x.X)
	case *ast.CallExpr:
		if fun, ok := x.Fun.(*ast.SelectorExpr); ok && fun.Sel.Name == "Has" {
			if d.dropped[x.Args[0].(*ast.Ident).Name] {
				return x, always
			}
			return x, never
		}
	case *ast.UnaryExpr:
		inner, v := d.condition(x.X)
		return &ast.UnaryExpr{Op: x.Op, X: inner}, v.not()
	case *ast.BinaryExpr:
		decides := map[token.Token]value{token.LAND: never, token.LOR: always}[x.Op]
		if decides == unknown {
			return x, unknown
		}
		left, l := d.condition(x.X)
		right, r := d.condition(x.Y)
		switch {
		case l == decides || r == decides:
			return x, decides
		case l != unknown:
			return right, r
		case r != unknown:
			return left, l
		}
		return &ast.BinaryExpr{Op: x.Op, X: left, Y: right}, unknown
	}
	return e, unknown
}
