package uffd_test

import (
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
)

// cond is a condition of a statement.
type cond struct {
	expr  ast.Expr
	not   bool // the statement runs if the condition is false
	names bool // the condition may name the operation
}

// truth is the value of a condition with the facts of a kernel.
type truth int8

const (
	unknown truth = iota
	yes
	no
)

func (v truth) not() truth {
	return [...]truth{unknown: unknown, yes: no, no: yes}[v]
}

// datedKernel has the facts of a release.
type datedKernel struct {
	release string
	kernel.Profile
}

// datedKernels is the history of package kernel, one element per release, the 2015 code
// first. The copying ioctls of 2015 were released with 4.3.
var datedKernels = func() []*datedKernel {
	sum, _ := kernel.Lookup("2015")
	all := []*datedKernel{{"2015", sum}}
	for _, c := range kernel.Changes() {
		c.Apply(&sum)
		release := strings.Replace(c.Release, "2015+copy", "4.3", 1)
		if all[len(all)-1].release == release {
			all[len(all)-1].Profile = sum
		} else {
			all = append(all, &datedKernel{release, sum})
		}
	}
	return all
}()

// releaseIndex returns the index of a release in the history, -1 if it changed no fact.
func releaseIndex(release string) int {
	return slices.IndexFunc(datedKernels, func(k *datedKernel) bool { return k.release == release })
}

// sinceConditions maps a condition to the fact without which it is false in every run. $1
// is the match of the parentheses.
var sinceConditions = []struct{ cond, fact string }{
	{`[\w.]+\.hasFeature\((abi\.\w+)\)`, "facts.Features&$1 != 0"},
	{`[\w.]+\.[fF]acts\.Offers\((abi\.\w+)\)`, "facts.RangeIoctls&$1 != 0"},
	{`c\.flags & (abi\.\w+) != 0`, "facts.Flags&$1 != 0"},
	{`u\.Mode & abi\.CopyModeWP != 0|with == fillCopyWP`, "facts.Copy.KnowsWP"},
	{`b\.light`, "facts.Signals != SignalsKillable"},
	{`blocking\.yields`, "facts.Signals == SignalsYield"},
}

// sinceOps maps an operation without a condition to the fact without which it has no
// effect: the sequence count is absent, and no feature was asked for.
var sinceOps = []struct{ op, fact string }{
	{`\w+ refile_seq`, "facts.CountsRefiles"},
	{`(?:load|store) features`, "facts.Features != 0"},
}

// holdsIn returns whether all conditions of an operation hold in a kernel.
func (w *walker) holdsIn(k *kernel.Profile, f *foundOp) truth {
	all := yes
	for _, c := range f.conds {
		v := w.eval(k, c.expr)
		if c.not {
			v = v.not()
		}
		switch v {
		case no:
			return no
		case unknown:
			all = unknown
		}
	}
	for _, row := range sinceOps {
		if matches(row.op, f.op) != nil && w.eval(k, parseFact(row.fact)) == no {
			return no
		}
	}
	return all
}

// withFixes is the newest kernel with all candidate fixes.
var withFixes = func() kernel.Profile {
	p := datedKernels[len(datedKernels)-1].Profile
	for _, f := range kernel.Fixes() {
		f.Apply(&p)
	}
	return p
}()

// date marks the operations that kernels have only since a release after base, and drops
// those that base no longer has, and those of candidate fixes, which no kernel has.
func (w *walker) date(base int) {
	w.values = map[valueKey]truth{}
	var kept []foundOp
	for _, f := range w.found {
		possible := func(k *datedKernel) bool { return w.holdsIn(&k.Profile, &f) != no }
		first := slices.IndexFunc(datedKernels[base:], possible)
		switch {
		case first > 0:
			f.since = datedKernels[base+first].release
			f.op = "+ " + f.op
		case first < 0 && slices.ContainsFunc(datedKernels[:base], possible):
			continue
		case first < 0 && w.holdsIn(&withFixes, &f) != no:
			continue // of a candidate fix
		case first < 0:
			f.op += ", in no kernel"
		}
		kept = append(kept, f)
	}
	w.found = kept
}

// valueKey is a condition in a kernel.
type valueKey struct {
	kernel *kernel.Profile
	expr   ast.Expr
}

// eval returns the value of a condition in a kernel.
func (w *walker) eval(k *kernel.Profile, e ast.Expr) truth {
	v, ok := w.values[valueKey{k, e}]
	if !ok {
		v = w.evalOnce(k, e)
		if w.values != nil {
			w.values[valueKey{k, e}] = v
		}
	}
	return v
}

func (w *walker) evalOnce(k *kernel.Profile, e ast.Expr) truth {
	text := types.ExprString(e)
	for _, row := range sinceConditions {
		if m := matches(row.cond, text); m != nil {
			fact := row.fact
			if len(m) > 1 {
				fact = strings.ReplaceAll(fact, "$1", m[1])
			}
			if w.eval(k, parseFact(fact)) == no {
				return no
			}
			return unknown
		}
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return w.eval(k, e.X)
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return w.eval(k, e.X).not()
		}
	case *ast.BinaryExpr:
		return w.evalBinary(k, e)
	case *ast.CallExpr:
		if fn := w.prog.callee(e.Fun); fn != nil && w.prog.funcs[fn] != nil {
			if body := w.prog.funcs[fn].Body.List; len(body) == 1 {
				if r, ok := body[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
					return w.eval(k, r.Results[0])
				}
			}
		}
	case *ast.Ident:
		if first := w.vars[w.prog.info.Uses[e]]; first != nil {
			return w.eval(k, first)
		}
	}
	if v, ok := fact(k, text); ok && v.Kind() == reflect.Bool {
		return truthOf(v.Bool())
	}
	return unknown
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (w *walker) evalBinary(k *kernel.Profile, e *ast.BinaryExpr) truth {
	switch e.Op {
	case token.LAND:
		x, y := w.eval(k, e.X), w.eval(k, e.Y)
		switch {
		case x == no || y == no:
			return no
		case x == yes && y == yes:
			return yes
		}
	case token.LOR:
		x, y := w.eval(k, e.X), w.eval(k, e.Y)
		switch {
		case x == yes || y == yes:
			return yes
		case x == no && y == no:
			return no
		}
	case token.EQL, token.NEQ:
		x, okX := w.number(k, e.X)
		y, okY := w.number(k, e.Y)
		if okX && okY {
			return truthOf((x == y) == (e.Op == token.EQL))
		}
	}
	return unknown
}

// number returns the value of a fact, of a constant, or of a bitwise "and" of the two.
func (w *walker) number(k *kernel.Profile, e ast.Expr) (uint64, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return w.number(k, e.X)
	case *ast.BasicLit:
		return constant.Uint64Val(constant.MakeFromLiteral(e.Value, e.Kind, 0))
	case *ast.BinaryExpr:
		x, okX := w.number(k, e.X)
		y, okY := w.number(k, e.Y)
		return x & y, okX && okY && e.Op == token.AND
	}
	text := types.ExprString(e)
	if v, ok := fact(k, text); ok && v.CanUint() {
		return v.Uint(), true
	}
	name := text[strings.LastIndexByte(text, '.')+1:]
	for _, path := range []string{"/uffd", "/mm", "/uffd/abi"} {
		if pkg := w.prog.pkgs[modulePath+path]; pkg != nil {
			if c, ok := pkg.Scope().Lookup(name).(*types.Const); ok {
				return constant.Uint64Val(constant.ToInt(c.Val()))
			}
		}
	}
	return 0, false
}

var factPath = regexp.MustCompile(`^(?:.*\.)?(mm\.Facts|conf\.Facts|facts)\.([\w.]+)$`)

// fact returns the value of an expression that is a fact, and reports whether it is one.
func fact(k *kernel.Profile, text string) (reflect.Value, bool) {
	m := factPath.FindStringSubmatch(text)
	if m == nil {
		return reflect.Value{}, false
	}
	v := reflect.ValueOf(&k.UFFD).Elem()
	if m[1] == "mm.Facts" {
		v = reflect.ValueOf(&k.MM).Elem()
	}
	for name := range strings.SplitSeq(m[2], ".") {
		if v.Kind() != reflect.Struct {
			return v, false
		}
		if v = v.FieldByName(name); !v.IsValid() {
			return v, false
		}
	}
	return v, true
}

var parsedFacts = map[string]ast.Expr{}

func parseFact(text string) ast.Expr {
	if parsedFacts[text] == nil {
		e, err := parser.ParseExpr(text)
		if err != nil {
			panic(err)
		}
		parsedFacts[text] = e
	}
	return parsedFacts[text]
}
