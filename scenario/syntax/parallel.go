package syntax

// blockWord is the word that begins a parallel block.
const blockWord = "parallel"

// parseBlockStart takes "parallel {", the beginning of f.block. It returns nil if
// something else follows.
func (f *File) parseBlockStart(s *scanner) *Stmt {
	ahead := *s
	stmt := &Stmt{Pos: ahead.here(), Op: blockWord, Parallel: []*Stmt{}}
	if word, _ := ahead.name(); word != blockWord || !ahead.accept("{") {
		return nil
	}
	*s, f.block = ahead, stmt
	if s.peek() != 0 {
		s.fail(s.here(), "unexpected %s after %q: each operation stands on a line of its own", s.found(), "parallel {")
	}
	return stmt
}

// parseInBlock takes an operation of the block, or the brace that closes it.
func (f *File) parseInBlock(s *scanner) {
	if p := s.here(); s.accept("}") {
		block := f.block
		f.block = nil
		switch {
		case s.peek() != 0:
			s.fail(s.here(), "unexpected %s after %q", s.found(), "}")
		case len(block.Parallel) == 0:
			s.fail(p, "the parallel block has no operation")
		}
		return
	}
	if s.conditionFollows() {
		s.fail(s.here(), "a condition stands behind the parallel block, after its %q", "}")
	}
	stmt := &Stmt{}
	f.block.Parallel = append(f.block.Parallel, stmt) // a line with a mistake counts, too
	if *stmt = *parseStmt(s); stmt.Await {
		s.fail(stmt.Pos, "a line of a parallel block is an operation, as in %q, found the name %s alone", "t1: load(0x101000)", quote(stmt.Task, shownWord))
	}
}

// checkOrder checks that a statement may come next: a file has one parallel block at
// most, and conditions follow it, and nothing else does.
func (f *File) checkOrder(stmt *Stmt) {
	block := f.Parallel()
	var msg string
	switch {
	case block == nil && stmt.Condition != nil:
		msg = "a condition needs a parallel block before it"
	case block == nil || stmt.Condition != nil:
		return
	case stmt.Parallel != nil:
		msg = "a scenario has one parallel block at most"
	default:
		msg = "only conditions can follow the parallel block: exists (...), ~exists (...) or forall (...)"
	}
	panic(&Error{Pos: stmt.Pos, Msg: msg})
}
