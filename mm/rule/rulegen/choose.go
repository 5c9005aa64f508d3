package main

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm/rule"
)

// maxMeeting is the maximum number of rules that may change the same statement. Each set
// of them gets its own variant of the statement, so n rules make up to 2^n variants.
const maxMeeting = 5

// choice is a variant of a cluster: its text if exactly these of its rules are dropped.
type choice struct {
	dropped []rule.Info
	text    string
}

// choices returns a variant of the text [lo, hi) for every set of the rules in ops whose
// changes do not overlap, the largest set first and the empty set last.
func (w *writer) choices(ops []op, lo, hi int) ([]choice, error) {
	var rules []rule.Info
	for _, o := range ops {
		if o.hunk != nil && !slices.ContainsFunc(rules, func(r rule.Info) bool { return r.Rule == o.rule.Rule }) {
			rules = append(rules, o.rule)
		}
	}
	if len(rules) > maxMeeting {
		return nil, fmt.Errorf("%d rules change one statement, %s and %s among them; at most %d can", len(rules), rules[0].Name, rules[1].Name, maxMeeting)
	}
	var all []choice
	for mask := range 1 << len(rules) {
		c := choice{}
		for i, r := range rules {
			if mask&(1<<i) != 0 {
				c.dropped = append(c.dropped, r)
			}
		}
		var edits []rule.Edit
		for _, o := range ops {
			if o.hunk == nil || slices.ContainsFunc(c.dropped, func(r rule.Info) bool { return r.Rule == o.rule.Rule }) {
				edits = append(edits, rule.Edit{Start: o.Start - lo, End: o.End - lo, New: o.New})
			}
		}
		if overlaps(edits) {
			continue
		}
		c.text = rule.Apply(w.src.text[lo:hi], edits)
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b choice) int { return len(b.dropped) - len(a.dropped) })
	return all, nil
}

// overlaps reports whether any two of the edits overlap.
func overlaps(edits []rule.Edit) bool {
	for i, a := range edits {
		if slices.ContainsFunc(edits[i+1:], func(b rule.Edit) bool { return rule.Overlap(a, b) }) {
			return true
		}
	}
	return false
}

// condition returns the Go condition that all rules of the choice are dropped.
func (c *choice) condition() string {
	var terms []string
	for _, r := range c.dropped {
		terms = append(terms, has(r))
	}
	return strings.Join(terms, " && ")
}

// has returns the Go condition that the rule is dropped.
func has(r rule.Info) string { return "dropped.Has(" + goName(r.Name) + ")" }

// condition returns the condition of an if statement that rules change: a disjunction
// with one term for each set of dropped rules.
func (w *writer) condition(s *ast.IfStmt, c *cluster) (string, error) {
	lo, hi := w.lineStart(s.Pos()), w.lineEnd(s.Body.Lbrace)
	all, err := w.choices(c.ops, lo, hi)
	if err != nil {
		return "", err
	}
	var terms []string
	none := ""
	for _, ch := range all {
		head := strings.TrimSpace(ch.text)
		cond, ok := strings.CutPrefix(head, "if ")
		if !ok || !strings.HasSuffix(cond, "{") {
			return "", fmt.Errorf("%s:%d: %q is no condition", w.rules, c.ops[0].hunk.Line, head)
		}
		cond = strings.TrimSuffix(cond, "{")
		if len(ch.dropped) == 0 {
			terms = append(terms, none+" ("+cond+")")
			break
		}
		if len(ch.dropped) == 1 {
			none += "!" + has(ch.dropped[0]) + " && "
		}
		terms = append(terms, ch.exactly(all)+" && ("+cond+")")
	}
	return strings.Join(terms, " || "), nil
}

// exactly returns the Go condition that the rules of the choice are dropped and the other
// rules of the cluster are not.
func (c *choice) exactly(all []choice) string {
	term := c.condition()
	for _, one := range all {
		if len(one.dropped) == 1 && !slices.ContainsFunc(c.dropped, func(r rule.Info) bool { return r.Rule == one.dropped[0].Rule }) {
			term += " && !" + has(one.dropped[0])
		}
	}
	return term
}

// variants returns the variants of a cluster. A cluster of insertions has one for each of
// its insertions.
func (w *writer) variants(stmts []ast.Stmt, c *cluster) ([]choice, error) {
	if c.to > c.from {
		return w.choices(c.ops, w.clusterStart(stmts, c), w.lineEnd(stmts[c.to-1].End()))
	}
	var all []choice
	for _, o := range c.ops {
		all = append(all, choice{[]rule.Info{o.rule}, o.New})
	}
	return all, nil
}

// choose returns the generated text of a cluster: an if statement with a branch for each
// set of dropped rules.
func (w *writer) choose(stmts []ast.Stmt, c *cluster, outer map[string]bool) (string, error) {
	all, err := w.variants(stmts, c)
	if err != nil {
		return "", err
	}
	for i := range all {
		if err := w.checkLabels(c, all[i]); err != nil {
			return "", err
		}
		if all[i].text, err = assign(all[i].text, outer); err != nil {
			return "", err
		}
	}
	switch {
	case c.to == c.from:
		return insertions(all), nil
	case len(all) == 1: // no rule changes it: this is the dispatch to the generated function
		return all[0].text, nil
	case len(all) == 2 && strings.TrimSpace(all[0].text) == "":
		return "if !" + all[0].condition() + " {\n" + all[1].text + "}\n", nil
	}
	var b strings.Builder
	for _, ch := range all {
		if len(ch.dropped) == 0 {
			b.WriteString("{\n" + ch.text + "}\n")
		} else {
			b.WriteString("if " + ch.condition() + " {\n" + ch.text + "} else ")
		}
	}
	return b.String(), nil
}

// insertions returns the generated text of a cluster of insertions at one place, in the
// order of the list of rules.
func insertions(all []choice) string {
	var b strings.Builder
	for _, ch := range all {
		b.WriteString("if " + ch.condition() + " {\n" + ch.text + "}\n")
	}
	return b.String()
}

// checkLabels returns an error if another variant in the function has a label of this
// one.
func (w *writer) checkLabels(c *cluster, ch choice) (err error) {
	stmts, err := statements(ch.text)
	for _, s := range stmts {
		ast.Inspect(s, func(n ast.Node) bool {
			labeled, ok := n.(*ast.LabeledStmt)
			if !ok {
				return err == nil
			}
			if name := labeled.Label.Name; w.labels[name] {
				err = w.mistake(c, ch, "the label %s would be there twice", name)
			} else {
				w.labels[name] = true
			}
			return err == nil
		})
	}
	return err
}

// mistake returns an error about a variant of the cluster, with the line of its rule's
// hunk.
func (w *writer) mistake(c *cluster, ch choice, format string, args ...any) error {
	i := slices.IndexFunc(c.ops, func(o op) bool {
		return o.hunk != nil && (len(ch.dropped) == 0 || o.rule.Rule == ch.dropped[0].Rule)
	})
	return fmt.Errorf("%s:%d: rule %s: %w", w.rules, c.ops[i].hunk.Line, c.ops[i].rule.Name, fmt.Errorf(format, args...))
}
