package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// pos returns the position of an offset of the function's file.
func (w *writer) pos(offset int) token.Pos { return w.fset.File(w.decl.Pos()).Pos(offset) }

// list is a list of statements that clusters change.
type list struct {
	stmts    []ast.Stmt
	lo, hi   int // byte offsets [lo, hi) of its text
	clusters []*cluster
	block    *types.Scope // the block that the list is in
}

// usedOutside reports whether a statement outside the cluster, or a change of the list
// outside the cluster, uses the name.
func (w *writer) usedOutside(l *list, c *cluster, name string) bool {
	uses := func(text string) bool {
		parsed, err := statements(text)
		return err != nil && strings.Contains(text, name) ||
			slices.ContainsFunc(parsed, func(s ast.Stmt) bool { return mentions(s, name) })
	}
	for i, s := range l.stmts {
		if (i < c.from || i >= c.to) && uses(w.src.text[w.lineStart(s.Pos()):w.lineEnd(s.End())]) {
			return true
		}
	}
	return slices.ContainsFunc(w.ops, func(o op) bool {
		own := slices.ContainsFunc(c.ops, func(p op) bool { return p.hunk == o.hunk && p.Edit == o.Edit })
		return !own && l.lo <= o.Start && o.End <= l.hi && uses(o.New)
	})
}

// mentions reports whether the node contains the name, other than as a field or method of
// something.
func mentions(node ast.Node, name string) bool {
	found := false
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			found = found || mentions(n.X, name)
			return false
		case *ast.Ident:
			found = found || n.Name == name
		}
		return !found
	})
	return found
}

// declaredBefore reports whether the object of the list's block is declared before the
// cluster, as a parameter or by a statement that no cluster changes. obj may be nil.
func (w *writer) declaredBefore(l *list, c *cluster, obj types.Object) bool {
	if obj == nil || w.offset(obj.Pos()) >= w.clusterStart(l.stmts, c) {
		return false
	}
	return !slices.ContainsFunc(l.clusters, func(c *cluster) bool {
		return !c.cond && c.from < c.to && l.stmts[c.from].Pos() <= obj.Pos() && obj.Pos() < l.stmts[c.to-1].End()
	})
}

// typeOf returns the type of the variable of this name that a statement of the list
// defines, nil if none does or the type is not known.
func (w *writer) typeOf(stmts []ast.Stmt, name string) types.Type {
	for _, s := range stmts {
		a, ok := unlabeled(s).(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		for _, left := range a.Lhs {
			id := left.(*ast.Ident)
			if obj := w.info.Defs[id]; obj != nil && id.Name == name && obj.Type() != types.Typ[types.Invalid] {
				return obj.Type()
			}
		}
	}
	return nil
}

// typeInVariant returns the type that the definition gives to the name in a variant
// without some rule. It returns nil if the type is not known: the value may use what the
// variant itself declares.
func (w *writer) typeInVariant(l *list, d *definition, all []definition, name string) types.Type {
	if len(d.variant.dropped) == 0 {
		return nil // typeOf has it
	}
	left := slices.IndexFunc(d.stmt.Lhs, func(e ast.Expr) bool { return e.(*ast.Ident).Name == name })
	right := 0
	if len(d.stmt.Rhs) > 1 {
		right = left
	}
	value := d.stmt.Rhs[right]
	for _, other := range all {
		if other.cluster == d.cluster && slices.ContainsFunc(other.names(), func(name string) bool { return mentions(value, name) }) {
			return nil
		}
	}
	text := d.variant.text[int(value.Pos())-1-len(prologue) : int(value.End())-1-len(prologue)]
	tv, err := types.Eval(w.fset, w.pkg, w.pos(w.clusterStart(l.stmts, d.cluster)), text)
	tuple, several := tv.Type.(*types.Tuple)
	switch {
	case err != nil, tv.Type == types.Typ[types.Invalid], several && left >= tuple.Len():
		return nil // if the rule's text is wrong, the compiler finds that
	case several:
		return tuple.At(left).Type()
	case right == 0 && left == 1 && len(d.stmt.Rhs) == 1:
		return types.Typ[types.Bool] // v, ok := m[k]
	}
	return types.Default(tv.Type)
}

// typeString returns the type as a source file of the package spells it.
func (w *writer) typeString(typ types.Type) string {
	return types.TypeString(typ, func(p *types.Package) string {
		if p == w.pkg {
			return ""
		}
		return p.Name()
	})
}
