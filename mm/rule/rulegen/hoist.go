package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// hoist returns, for each cluster, the declarations to emit before it. A variable that
// the cluster declares is hoisted if other statements or clusters use it, because the
// declaration would end up in a branch of a generated if statement.
func (w *writer) hoist(stmts []ast.Stmt, clusters []*cluster) (map[*cluster][]string, error) {
	hoisted := map[*cluster][]string{}
	done := map[string]bool{}
	for _, c := range clusters {
		if c.cond {
			continue
		}
		for _, name := range w.declared(stmts, c) {
			if done[name] || !w.usedOutside(stmts, clusters, c, name) {
				continue
			}
			done[name] = true
			typ := w.typeOf(stmts, name)
			if typ == "" {
				return nil, fmt.Errorf("%s:%d: the type of %s is not known here", w.rules, c.ops[0].hunk.Line, name)
			}
			hoisted[c] = append(hoisted[c], "var "+name+" "+typ)
		}
	}
	return hoisted, nil
}

// allHoisted returns the set of the hoisted variables' names.
func allHoisted(hoisted map[*cluster][]string) map[string]bool {
	names := map[string]bool{}
	for _, declarations := range hoisted {
		for _, d := range declarations {
			names[strings.Fields(d)[1]] = true
		}
	}
	return names
}

// declared returns the names that the statements of the cluster declare, before or after
// the changes of its rules.
func (w *writer) declared(stmts []ast.Stmt, c *cluster) []string {
	var names []string
	add := func(stmts []ast.Stmt) {
		for _, s := range stmts {
			if a, ok := s.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				for _, left := range a.Lhs {
					if id := left.(*ast.Ident); id.Name != "_" && id.Name != "dropped" {
						names = append(names, id.Name)
					}
				}
			}
		}
	}
	add(stmts[c.from:c.to])
	for _, o := range c.ops {
		if parsed, err := statements(o.New); err == nil {
			add(parsed)
		}
	}
	return names
}

// usedOutside reports whether a statement outside the cluster, or a change of another
// cluster, uses the name.
func (w *writer) usedOutside(stmts []ast.Stmt, clusters []*cluster, c *cluster, name string) bool {
	uses := func(text string) bool {
		parsed, err := statements(text)
		found := false
		for _, s := range parsed {
			ast.Inspect(s, func(n ast.Node) bool {
				id, ok := n.(*ast.Ident)
				found = found || ok && id.Name == name
				return !found
			})
		}
		return found || err != nil && strings.Contains(text, name)
	}
	for i, s := range stmts {
		if (i < c.from || i >= c.to) && uses(w.src.text[w.lineStart(s.Pos()):w.lineEnd(s.End())]) {
			return true
		}
	}
	for _, other := range clusters {
		if other == c {
			continue
		}
		for _, o := range other.ops {
			if uses(o.New) {
				return true
			}
		}
	}
	return false
}

// typeOf returns the type of the variable of this name that a statement of the list
// declares, "" if none does.
func (w *writer) typeOf(stmts []ast.Stmt, name string) string {
	for _, s := range stmts {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		for _, left := range a.Lhs {
			id := left.(*ast.Ident)
			if obj := w.info.Defs[id]; obj != nil && id.Name == name {
				return types.TypeString(obj.Type(), func(p *types.Package) string {
					if p == w.pkg {
						return ""
					}
					return p.Name()
				})
			}
		}
	}
	return ""
}

// assign turns the declarations of hoisted variables into assignments: := becomes =. It
// considers the outermost statements of the text only.
func assign(text string, hoisted map[string]bool) (string, error) {
	stmts, err := statements(text)
	if err != nil || len(hoisted) == 0 {
		return text, err
	}
	for _, s := range slices.Backward(stmts) {
		a, ok := s.(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		if slices.ContainsFunc(a.Lhs, func(e ast.Expr) bool { return hoisted[e.(*ast.Ident).Name] }) {
			at := int(a.TokPos) - 1 - len(prologue)
			text = text[:at] + "=" + text[at+len(":="):]
		}
	}
	return text, nil
}

// prologue makes a list of statements a file that the parser accepts.
const prologue = "package p\nfunc _() {\n"

// statements parses a list of statements.
func statements(text string) ([]ast.Stmt, error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", prologue+text+"}\n", parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("%w in\n%s", err, text)
	}
	return file.Decls[0].(*ast.FuncDecl).Body.List, nil
}
