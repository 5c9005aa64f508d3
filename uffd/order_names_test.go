package uffd_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strings"
)

// named operations carry the name of their innermost condition, if condNames has one.
var named = regexp.MustCompile(`^(?:return|continue|set|call|del|del_init|wake|schedule|max|` +
	`vma_merge|split_vma|alloc|mkwrite|put page)\b`)

// condNames maps a condition, also that of an assertion, to its name. The first row that
// matches the whole condition counts; $1 is the match of the parentheses. The parts of a
// condition that test a fact are not part of its name.
var condNames = []struct{ cond, name string }{
	// Ranges.
	{`start &\^ mm\.PageMask != 0`, "start not aligned"},
	{`length &\^ mm\.PageMask != 0`, "length not aligned"},
	{`length == 0`, "no length"},
	{`start < c\.mm\.MmapMinAddr`, "start too low"},
	{`start >= c\.mm\.TaskSize`, "start too high"},
	{`length > c\.mm\.TaskSize - start`, "end too high"},
	{`u\.Src \+ u\.Len <= u\.Src`, "source wraps around"},

	{`dst &\^ PageMask != 0 \|\| length &\^ PageMask != 0`, "not aligned"},
	{`dst \+ length <= dst \|\| with != fillZero && src \+ length <= src`, "wraps around"},
	{`r\.Len == 0`, "no length"},

	// Modes, commands and the handshake.
	{`u\.Mode == 0`, "no mode"},
	{`u\.Mode &\^ (?:known|uint64\(.*\)) != 0`, "unknown mode"},
	{`u\.Mode & abi\.RegisterModeWP != 0`, "mode WP"},
	{`u\.Mode & abi\.(?:Copy|Zeropage)ModeDontwake == 0`, "not DONTWAKE"},
	{`with == fillCopyWP`, "mode WP"},
	{`flags &\^ conf\.Facts\.Flags != 0`, "unknown flags"},
	{`t\.ShouldFail\("userfaultfd_ctx"\)`, "no context"},
	{`t\.ShouldFail\("anon_inode_getfile"\)`, "no file"},
	{`cmd == abi\.UFFDIO_(\w+)`, "$1"},
	{`state != StateRunning`, "unknown state"},
	{`(?:cmd != abi\.UFFDIO_API && )?(?:c\.loadState\(t\)|state) == StateWaitAPI`, "no handshake"},
	{`c\.loadState\(t\) != StateWaitAPI|!c\.features\.Cmpxchg\(.*\)`, "already made"},
	{`api\.API != abi\.APIVersion`, "unknown version"},
	{`(?:api\.Features|features) &\^ c\.facts\.Features != 0`, "unknown feature"},

	// Memory.
	{`!c\.mmget\(t\)`, "memory gone"},
	{`vma == nil`, "no vma"},
	{`vma\.Start >= end`, "none in range"},
	{`!(?:cur|vma)\.CanUserfault\(.*\)|vma\.UffdOps\(\) == nil`, "kind of memory"},
	{`(?:cur|vma)\.Userfault != nil && (?:cur|vma)\.Userfault != c`, "another context"},
	{`vma\.Userfault != c`, "another context"},
	{`\(vma\.Userfault != nil\) != \(vma\.Flags & mm\.VMUffd != 0\)`, "half registered"},
	{`!\(vma\.Userfault == c && vma\.Flags & vmFlags == vmFlags\)`, "not registered so"},
	{`vma\.Userfault != nil`, "registered"},
	{`vma\.Userfault == nil`, "not registered"},
	{`merged != nil`, "merged"},
	{`vma\.Start < start`, "start inside vma"},
	{`vma\.End > end`, "end inside vma"},
	{`vma\.Flags & VMWrite != 0`, "writable"},
	{`vma\.Flags & VMShared != 0`, "shared"},
	{`dst < vma\.Start`, "begins outside vma"},
	{`dst \+ length > vma\.End`, "ends outside vma"},
	{`!(?:pgd|pud)\.Load\(t, i\)\.Present\(\)|!entry\.Present\(\)`, "no table"},
	{`pmd == nil|pte == nil(?: && !huge)?`, "no table"},
	{`entry\.Huge\(\)`, "huge page"},
	{`pmd\.PeekHeld\(.*\)\.Huge\(\)|huge`, "huge page"},
	{`!pte\.PeekHeld\(t, j\)\.None\(\)`, "page present"},
	{`frame == nil`, "none before"},
	{`t\.ShouldFail\("alloc_page"\)|page == nil`, "no page"},
	{`page != nil`, "page left"},
	{`with != fillZero`, "copy"},
	{`vma\.anonVMAPrepare\(t\) != nil`, "no anon_vma"},
	{`copied == 0 && err == nil`, "neither bytes nor error"},
	{`done == 0`, "nothing done"},
	{`t\.FatalSignalPending\(\)`, "fatal signal"},
	{`done != u\.(?:Range\.)?Len`, "partial"},

	// Faults and messages.
	{`c\.mm != vma\.MM\(\)`, "foreign mm"},
	{`reason != mm\.VMUffdMissing && reason != mm\.VMUffdWP`, "not one reason"},
	{`vmf\.Flags & mm\.FaultWrite != 0`, "write"},
	{`reason & mm\.VMUffdWP != 0`, "reason WP"},
	{`mustWait && c\.released\.Load\(t\) == 0 && !c\.signalPending\(t, blocking\)`, "must wait"},
	{`!uwq\.wq\.ListEmptyCareful\(t\)`, "linked"},
	{`uwq != nil`, "found"},
	{`.*\.Lock\.IsLocked\(t\)`, "locked"},
	{`.*\.Len\(\) != 0`, "not empty"},
	{`needWakeup`, "either not empty"},
	{`c\.hasFeature\(abi\.FeatureSIGBUS\)`, "feature SIGBUS"},
	{`c\.flags & abi\.UserModeOnly != 0 && flags & mm\.FaultUser == 0`, "kernel mode"},
	{`c\.released\.Load\(t\) != 0`, "released"},
	{`flags & mm\.FaultAllowRetry == 0`, "no ALLOW_RETRY"},
	{`flags & mm\.FaultRetryNowait != 0`, "RETRY_NOWAIT"},
	{`woken`, "was asleep"},
	{`f\.Flags\(t\) & abi\.ONonblock == 0`, "blocking file"},
	{`pending`, "pending fault"},
	{`t\.SignalPending\(\)`, "signal"},
	{`noWait`, "no_wait"},
	{`count < abi\.MsgSize`, "no room"},
}

// condOps maps the condition of an if statement that does not continue behind its body to
// an operation.
var condOps = []struct{ cond, op string }{
	{`left != 0`, "leave unless last"},
	{`(done|copied) > 0`, "leave if $1"},
	{`err == errno\.EFAULT`, "test EFAULT"},
	{`key\.Len != 0 && \(start > uwq\.msg\.Address \|\| end <= uwq\.msg\.Address\)`, "match range"},
}

// condOp returns the operation of an if statement, "" if none.
func condOp(s *ast.IfStmt) string {
	for _, row := range condOps {
		if m := matches(row.cond, types.ExprString(s.Cond)); m != nil && terminates(s.Body) {
			return strings.ReplaceAll(row.op, "$1", m[len(m)-1])
		}
	}
	return ""
}

// terminates reports whether the statements after the block are not reached from its end.
func terminates(b *ast.BlockStmt) bool {
	if len(b.List) == 0 {
		return false
	}
	switch s := b.List[len(b.List)-1].(type) {
	case *ast.ReturnStmt, *ast.BranchStmt:
		return true
	case *ast.ExprStmt:
		return strings.HasPrefix(types.ExprString(s.X), "panic(")
	}
	return false
}

// failure matches the condition of a failed call.
var failure = regexp.MustCompile(`^(?:err != nil|.* && err != nil)$`)

// setsError reports whether the statement sets the error that the function returns. Then
// it must not be the last one of its block.
func setsError(s ast.Stmt) bool {
	a, ok := s.(*ast.AssignStmt)
	return ok && len(a.Lhs) == 1 && types.ExprString(a.Lhs[0]) == "err" &&
		strings.HasPrefix(types.ExprString(a.Rhs[0]), "errno.")
}

// emitNamed emits the operation once for each alternative of its innermost condition, or
// reports false if no alternative has a name. It skips conditions that only test facts.
func (w *walker) emitNamed(op string, pos token.Pos) bool {
	for i, c := range slices.Backward(w.conds) {
		if !c.names || w.withoutFacts(c.expr) == "" {
			continue
		}
		if c.not {
			return false
		}
		var found []foundOp
		known := false
		for _, e := range alternatives(c.expr) {
			text := op
			if name := condName(w.withoutFacts(e)); name != "" {
				text += ": " + name
				known = true
			}
			conds := slices.Clone(w.conds)
			conds[i].expr = e
			found = append(found, foundOp{op: text, pos: pos, conds: conds})
		}
		if known {
			w.found = append(w.found, found...)
		}
		return known
	}
	return false
}

// condName returns the name of a condition, "" if it has none.
func condName(text string) string {
	for _, row := range condNames {
		if m := matches(row.cond, text); m != nil {
			return strings.ReplaceAll(row.name, "$1", m[len(m)-1])
		}
	}
	return ""
}

// withoutFacts returns the text of a condition without the parts that only test a fact.
func (w *walker) withoutFacts(e ast.Expr) string {
	var rest []string
	for _, part := range conjuncts(e) {
		text := types.ExprString(part)
		if !testsFact.MatchString(text) || w.eval(&datedKernels[0].Profile, part) == unknown {
			rest = append(rest, text)
		}
	}
	return strings.Join(rest, " && ")
}

var testsFact = regexp.MustCompile(`\b(?:facts|Facts)\.`)

// alternatives returns the conditions that "or" joins, with "and" distributed over "or".
func alternatives(e ast.Expr) []ast.Expr {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	switch {
	case ok && b.Op == token.LOR:
		return append(alternatives(b.X), alternatives(b.Y)...)
	case ok && b.Op == token.LAND:
		var all []ast.Expr
		for _, x := range alternatives(b.X) {
			for _, y := range alternatives(b.Y) {
				all = append(all, &ast.BinaryExpr{X: x, Op: token.LAND, Y: y})
			}
		}
		return all
	}
	return []ast.Expr{e}
}

// conjuncts returns the conditions that "and" joins, from left to right.
func conjuncts(e ast.Expr) []ast.Expr {
	if b, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && b.Op == token.LAND {
		return append(conjuncts(b.X), conjuncts(b.Y)...)
	}
	return []ast.Expr{e}
}
