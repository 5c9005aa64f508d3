package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
)

// hoist returns, for each cluster, the declarations to emit before it. A variable that
// the cluster declares is hoisted if other statements or clusters use it, because the
// declaration would end up in a branch of a generated if statement. hoist also returns
// the names that a variant must assign to and not declare: the hoisted variables, and
// those that unchanged statements before the cluster declare.
func (w *writer) hoist(l *list) (map[*cluster][]string, map[string]bool, error) {
	var all []definition
	for _, c := range l.clusters {
		if c.cond {
			continue
		}
		own, err := w.definitions(l, c)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, own...)
	}
	outer, names := w.hoistedNames(l, all)
	hoisted := map[*cluster][]string{}
	for _, name := range names {
		c, declaration, err := w.declaration(l, all, name)
		if err != nil {
			return nil, nil, err
		}
		hoisted[c] = append(hoisted[c], declaration)
	}
	return hoisted, outer, nil
}

// definition is a := among the outermost statements of a variant.
type definition struct {
	cluster *cluster
	variant choice
	stmt    *ast.AssignStmt // parsed from the variant's text
}

// names returns the names on the left of the definition, new or not.
func (d *definition) names() []string {
	var names []string
	for _, left := range d.stmt.Lhs {
		if id := left.(*ast.Ident); id.Name != "_" && id.Name != "dropped" {
			names = append(names, id.Name)
		}
	}
	return names
}

// definitions returns the definitions of all variants of the cluster. It returns an error
// for a var, const or type declaration of a name that is used outside the cluster.
func (w *writer) definitions(l *list, c *cluster) ([]definition, error) {
	variants, err := w.variants(l.stmts, c)
	if err != nil {
		return nil, err
	}
	var all []definition
	for _, ch := range variants {
		parsed, err := statements(ch.text)
		if err != nil {
			return nil, err
		}
		for _, s := range parsed {
			switch s := unlabeled(s).(type) {
			case *ast.AssignStmt:
				if s.Tok == token.DEFINE {
					all = append(all, definition{c, ch, s})
				}
			case *ast.DeclStmt:
				for _, name := range declares(s) {
					if w.usedOutside(l, c, name) {
						return nil, w.mistake(c, ch, "%s is used outside the changed statements, and its declaration is not a :=", name)
					}
				}
			}
		}
	}
	return all, nil
}

// unlabeled returns the statement without its labels.
func unlabeled(s ast.Stmt) ast.Stmt {
	for {
		labeled, ok := s.(*ast.LabeledStmt)
		if !ok {
			return s
		}
		s = labeled.Stmt
	}
}

// declares returns the names that a var, const or type declaration declares.
func declares(s *ast.DeclStmt) []string {
	var names []string
	for _, spec := range s.Decl.(*ast.GenDecl).Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, id := range spec.Names {
				names = append(names, id.Name)
			}
		case *ast.TypeSpec:
			names = append(names, spec.Name.Name)
		}
	}
	return names
}

// hoistedNames returns the set of names that a variant must assign to and not declare,
// and those among them to be hoisted. A definition of any such name becomes an
// assignment, so all new names of the definition are hoisted too.
func (w *writer) hoistedNames(l *list, all []definition) (map[string]bool, []string) {
	outer := map[string]bool{}
	for _, d := range all {
		for _, name := range d.names() {
			if w.declaredBefore(l, d.cluster, l.block.Lookup(name)) {
				outer[name] = true
			}
		}
	}
	var hoisted []string
	for more := true; more; {
		more = false
		for _, d := range all {
			names := d.names()
			assigns := slices.ContainsFunc(names, func(name string) bool { return outer[name] })
			for _, name := range names {
				if !outer[name] && (assigns || w.usedOutside(l, d.cluster, name)) {
					outer[name], more = true, true
					hoisted = append(hoisted, name)
				}
			}
		}
	}
	return outer, hoisted
}

// declaration returns the declaration of a hoisted variable, and the first cluster that
// defines it. It returns an error if the variable shadows a name of an enclosing block,
// which a variant without the definition would use, or if it has no single known type.
func (w *writer) declaration(l *list, all []definition, name string) (*cluster, string, error) {
	own := slices.DeleteFunc(slices.Clone(all), func(d definition) bool { return !slices.Contains(d.names(), name) })
	first := own[0]
	if _, shadowed := l.block.Parent().LookupParent(name, w.pos(w.clusterStart(l.stmts, first.cluster))); shadowed != nil {
		return nil, "", w.mistake(first.cluster, first.variant, "%s shadows another %s of an enclosing block", name, name)
	}
	typ := w.typeOf(l.stmts, name)
	for _, d := range own {
		without := w.typeInVariant(l, &d, all, name)
		switch {
		case without == nil:
		case typ == nil:
			typ = without
		case !types.Identical(typ, without):
			return nil, "", w.mistake(d.cluster, d.variant, "%s is of type %s without the rule, and of type %s with it",
				name, w.typeString(without), w.typeString(typ))
		}
	}
	if typ == nil {
		return nil, "", w.mistake(first.cluster, first.variant, "the type of %s is not known here", name)
	}
	return first.cluster, "var " + name + " " + w.typeString(typ), nil
}

// assign turns the definitions of outer variables into assignments: := becomes =. It
// considers the outermost statements of the text only.
func assign(text string, outer map[string]bool) (string, error) {
	stmts, err := statements(text)
	if err != nil || len(outer) == 0 {
		return text, err
	}
	for _, s := range slices.Backward(stmts) {
		a, ok := unlabeled(s).(*ast.AssignStmt)
		if !ok || a.Tok != token.DEFINE {
			continue
		}
		if slices.ContainsFunc(a.Lhs, func(e ast.Expr) bool { return outer[e.(*ast.Ident).Name] }) {
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
