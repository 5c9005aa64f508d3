package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// writer generates the variant of one function.
type writer struct {
	*pack
	*function
	labels map[string]bool // labels in the variants generated so far
}

// offset returns the byte offset of pos in the file.
func (w *writer) offset(pos token.Pos) int { return w.fset.Position(pos).Offset }

// lineStart returns the offset of the first byte of the line.
func (w *writer) lineStart(pos token.Pos) int {
	return strings.LastIndexByte(w.src.text[:w.offset(pos)], '\n') + 1
}

// lineEnd returns the offset after the newline of the line.
func (w *writer) lineEnd(pos token.Pos) int {
	at := w.offset(pos)
	return at + strings.IndexByte(w.src.text[at:], '\n') + 1
}

// cluster is a range of statements that its ops change as a unit: every set of dropped
// rules gets its own variant of the range. An empty range is a place for insertions.
type cluster struct {
	from, to int  // indexes [from, to) in the list of statements
	cond     bool // only the condition of the one statement, an if, is changed
	ops      []op
}

// list returns the generated text of a list of statements with the ops applied. The
// original text is at [lo, hi).
func (w *writer) list(stmts []ast.Stmt, lo, hi int, ops []op) (string, error) {
	var clusters []*cluster
	nested := map[int][]op{} // ops inside a block of the statement, by its index
	for _, o := range ops {
		c, err := w.place(stmts, o)
		switch {
		case err != nil:
			return "", err
		case c == nil: // inside a block of a statement
			i := w.statementAt(stmts, o)
			nested[i] = append(nested[i], o)
		default:
			clusters = append(clusters, c)
		}
	}
	clusters = merge(clusters)
	for _, c := range clusters { // a cluster takes the ops inside blocks of its statements
		for i := c.from; i < c.to && !c.cond; i++ {
			c.ops = append(c.ops, nested[i]...)
			delete(nested, i)
		}
	}
	hoisted, outer, err := w.hoist(&list{stmts, lo, hi, clusters, w.pkg.Scope().Innermost(w.pos(lo))})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	at := lo
	for i := 0; i <= len(stmts); i++ {
		end := i
		for _, c := range clusters {
			if c.from != i || c.cond {
				continue
			}
			from := w.clusterStart(stmts, c)
			b.WriteString(w.src.text[at:from])
			at = from
			for _, name := range hoisted[c] {
				b.WriteString(name + "\n")
			}
			text, err := w.choose(stmts, c, outer)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			if c.to > c.from {
				at = w.lineEnd(stmts[c.to-1].End())
			}
			end = max(end, c.to-1)
		}
		if end > i {
			i = end
			continue
		}
		if i < len(stmts) {
			text, next, err := w.inner(stmts[i], conditionOf(clusters, i), nested[i], at)
			if err != nil {
				return "", err
			}
			b.WriteString(text)
			at = next
		}
	}
	b.WriteString(w.src.text[at:hi])
	return b.String(), nil
}

// conditionOf returns the cluster that changes the condition of statement i, nil if none.
func conditionOf(clusters []*cluster, i int) *cluster {
	for _, c := range clusters {
		if c.cond && c.from == i {
			return c
		}
	}
	return nil
}

// clusterStart returns the offset at which the cluster's text begins; for insertions, the
// offset of the first.
func (w *writer) clusterStart(stmts []ast.Stmt, c *cluster) int {
	if c.to > c.from {
		return w.lineStart(stmts[c.from].Pos())
	}
	return c.ops[0].Start
}

// statementAt returns the index of the first statement that ends after the op's start, -1
// if none.
func (w *writer) statementAt(stmts []ast.Stmt, o op) int {
	return slices.IndexFunc(stmts, func(s ast.Stmt) bool { return w.lineEnd(s.End()) > o.Start })
}

// place returns a cluster of the statements that the op changes, or nil if the op is
// inside a block of one statement.
func (w *writer) place(stmts []ast.Stmt, o op) (*cluster, error) {
	i := w.statementAt(stmts, o)
	if i < 0 {
		i = len(stmts)
	}
	if o.Start == o.End && (i == len(stmts) || o.Start <= w.lineStart(stmts[i].Pos())) {
		return &cluster{from: i, to: i, ops: []op{o}}, nil
	}
	j := i
	for j < len(stmts) && w.lineStart(stmts[j].Pos()) < o.End {
		j++
	}
	if i == len(stmts) || j == i {
		return nil, fmt.Errorf("%s:%d: rule %s: the hunk changes no statement", w.rules, o.hunk.Line, o.rule.Name)
	}
	if j == i+1 && !(o.Start <= w.lineStart(stmts[i].Pos()) && o.End >= w.lineEnd(stmts[i].End())) {
		if slices.ContainsFunc(w.blocks(stmts[i]), func(b block) bool { return b.lo <= o.Start && o.End <= b.hi }) {
			return nil, nil
		}
		if branch, ok := stmts[i].(*ast.IfStmt); ok && branch.Init == nil && o.End <= w.lineEnd(branch.Body.Lbrace) {
			return &cluster{from: i, to: i + 1, cond: true, ops: []op{o}}, nil
		}
	}
	return &cluster{from: i, to: j, ops: []op{o}}, nil
}

// block is a list of statements inside a statement.
type block struct {
	stmts  []ast.Stmt
	lo, hi int // offsets [lo, hi) of its text
}

// blocks returns the outermost blocks of the statement, in the order of the text.
func (w *writer) blocks(s ast.Stmt) []block {
	whole := func(b *ast.BlockStmt) block { return block{b.List, w.lineEnd(b.Lbrace), w.lineStart(b.Rbrace)} }
	clauses := func(body *ast.BlockStmt) (blocks []block) {
		for i, s := range body.List {
			clause := s.(*ast.CaseClause)
			hi := w.lineStart(body.Rbrace)
			if i+1 < len(body.List) {
				hi = w.lineStart(body.List[i+1].Pos())
			}
			blocks = append(blocks, block{clause.Body, w.lineEnd(clause.Colon), hi})
		}
		return blocks
	}
	switch s := s.(type) {
	case *ast.IfStmt:
		blocks := []block{whole(s.Body)}
		switch other := s.Else.(type) {
		case *ast.BlockStmt:
			blocks = append(blocks, whole(other))
		case *ast.IfStmt:
			blocks = append(blocks, w.blocks(other)...)
		}
		return blocks
	case *ast.ForStmt:
		return []block{whole(s.Body)}
	case *ast.RangeStmt:
		return []block{whole(s.Body)}
	case *ast.BlockStmt:
		return []block{whole(s)}
	case *ast.SwitchStmt:
		return clauses(s.Body)
	case *ast.TypeSwitchStmt:
		return clauses(s.Body)
	case *ast.LabeledStmt:
		return w.blocks(s.Stmt)
	}
	return nil
}

// inner returns the generated text of a statement, from offset at on, with changes to its
// condition (cond, if not nil) and inside its blocks (ops). It also returns the offset
// after the statement.
func (w *writer) inner(s ast.Stmt, cond *cluster, ops []op, at int) (string, int, error) {
	var b strings.Builder
	end := w.lineEnd(s.End())
	if cond != nil {
		branch := s.(*ast.IfStmt)
		from, to := w.offset(branch.Cond.Pos()), w.offset(branch.Body.Lbrace)
		b.WriteString(w.src.text[at:from])
		text, err := w.condition(branch, cond)
		if err != nil {
			return "", 0, err
		}
		b.WriteString(text + " ")
		at = to
	}
	for _, blk := range w.blocks(s) {
		var own []op
		for _, o := range ops {
			if blk.lo <= o.Start && o.End <= blk.hi {
				own = append(own, o)
			}
		}
		if len(own) == 0 {
			continue
		}
		b.WriteString(w.src.text[at:blk.lo])
		text, err := w.list(blk.stmts, blk.lo, blk.hi, own)
		if err != nil {
			return "", 0, err
		}
		b.WriteString(text)
		at = blk.hi
	}
	b.WriteString(w.src.text[at:end])
	return b.String(), end, nil
}

// merge sorts the clusters and joins those that share statements.
func merge(clusters []*cluster) []*cluster {
	slices.SortStableFunc(clusters, func(a, b *cluster) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	var merged []*cluster
	for _, c := range clusters {
		if n := len(merged); n > 0 {
			last := merged[n-1]
			empty := last.from == last.to
			// Join clusters that share a statement, and insertions at the same place.
			if c.from < last.to && !(last.cond && c.from == c.to) || empty && c.from == c.to && c.from == last.from {
				last.cond = last.cond && c.cond
				last.to = max(last.to, c.to)
				last.ops = append(last.ops, c.ops...)
				continue
			}
		}
		merged = append(merged, c)
	}
	return merged
}
