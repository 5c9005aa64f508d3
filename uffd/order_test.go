package uffd_test

import (
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
)

// orderList has the operations of a kernel function, as testdata/order.txt lists them.
type orderList struct {
	name   string
	base   string // the release of this body; marks are for later releases
	goName string // "" if the kernel-function maps have it
	want   []wantOps
}

// wantOps is an element of a list: an operation, or several in any order.
type wantOps struct {
	ops   []string // with "+ " before those of later kernels
	since string   // the release of those
}

// parseOrder parses lists. It omits the operations that the model leaves out (-). An
// element with several operations accepts them in any order.
func parseOrder(text string) ([]*orderList, error) {
	var lists []*orderList
	for i, line := range strings.Split(text, "\n") {
		op, comment, _ := strings.Cut(line, "#")
		indented := strings.HasPrefix(line, " ")
		op, comment = strings.TrimSpace(op), strings.TrimSpace(comment)
		switch {
		case op == "":
			continue
		case !indented:
			name, goName, _ := strings.Cut(op, " ")
			l := &orderList{name: name, goName: goName, base: "2015"}
			if _, base, ok := strings.Cut(name, "@"); ok {
				l.base = base
			}
			if releaseIndex(l.base) < 0 {
				return nil, fmt.Errorf("line %d: %s: package kernel has no change of that release", i+1, name)
			}
			lists = append(lists, l)
			continue
		case len(lists) == 0:
			return nil, fmt.Errorf("line %d: an operation before the first function", i+1)
		}
		if _, ok := strings.CutPrefix(op, "- "); ok {
			if comment == "" {
				return nil, fmt.Errorf("line %d: %s: why is it left out?", i+1, op)
			}
			continue
		}
		want := wantOps{ops: []string{op}}
		if alternatives, ok := strings.CutPrefix(op, "either "); ok {
			want.ops = strings.Split(alternatives, " | ")
		}
		if slices.ContainsFunc(want.ops, isLater) {
			if want.since = release.FindString(comment); want.since == "" {
				return nil, fmt.Errorf("line %d: %s: which release?", i+1, op)
			}
		}
		l := lists[len(lists)-1]
		if len(l.want) > 0 && collapsed.MatchString(op) && slices.Equal(l.want[len(l.want)-1].ops, want.ops) {
			continue
		}
		l.want = append(l.want, want)
	}
	return lists, nil
}

func isLater(op string) bool { return strings.HasPrefix(op, "+ ") }

var release = regexp.MustCompile(`^\d+\.\d+\b`)

// checkOrder compares the Go functions with the lists of the kernel functions that they
// recreate, and returns a text for each difference. goNames is the kernel-function maps.
func checkOrder(prog *program, lists []*orderList, goNames map[string]string) []string {
	var wrong []string
	listed, kernel := map[*types.Func]string{}, map[*types.Func]bool{}
	for _, name := range goNames {
		kernel[prog.names[name]] = true
	}
	for _, l := range lists {
		if l.goName == "" {
			l.goName = goNames[l.name]
		}
		switch fn := prog.names[l.goName]; {
		case l.goName == "":
			wrong = append(wrong, l.name+" has a list, but no Go function in the maps")
		case fn == nil:
			wrong = append(wrong, l.name+": no function "+l.goName)
		default:
			listed[fn] = l.name
		}
	}
	for _, l := range lists {
		if fn := prog.names[l.goName]; fn != nil {
			w := &walker{prog: prog, listed: listed, kernel: kernel, vars: map[types.Object]ast.Expr{}}
			w.function(fn)
			w.date(releaseIndex(l.base))
			if text := compareOrder(prog, l, w.found); text != "" {
				wrong = append(wrong, text)
			}
		}
	}
	return wrong
}

// compareOrder returns "" if the found operations are those of the list, or both side by
// side.
func compareOrder(prog *program, l *orderList, all []foundOp) string {
	var found []foundOp
	for _, f := range all {
		if len(found) == 0 || !collapsed.MatchString(f.op) || found[len(found)-1].op != f.op {
			found = append(found, f)
		}
	}
	var text strings.Builder
	differs := false
	for _, line := range alignOps(inFoundOrder(l.want, found), found) {
		mark, at := "  ", ""
		if line.found.op != "" {
			pos := prog.fset.Position(line.found.pos)
			at = fmt.Sprintf("%s:%d", pos.Filename, pos.Line)
		}
		if !sameOp(line.want.op, line.found.op) {
			mark, differs = "> ", true
		} else if line.want.since != line.found.since {
			mark, differs = "> ", true
			at += fmt.Sprintf(": listed for %s, guarded since %s", line.want.since, line.found.since)
		}
		row := fmt.Sprintf("    %s%-35s | %-35s %s", mark, line.want.op, line.found.op, at)
		text.WriteString(strings.TrimRight(row, " ") + "\n")
	}
	if !differs {
		return ""
	}
	return fmt.Sprintf("%s: %s differs in order (> is a difference)\n      %-35s | %s\n%s", l.name, l.goName, "testdata/order.txt", "Go", text.String())
}

// wantOp is an operation of a list.
type wantOp struct{ op, since string }

// inFoundOrder returns the operations of a list. Alternatives are in the order of the
// found operations, if those have each of them once.
func inFoundOrder(list []wantOps, found []foundOp) []wantOp {
	var want []wantOp
	add := func(op, since string) {
		if !isLater(op) {
			since = ""
		}
		want = append(want, wantOp{op, since})
	}
	for _, w := range list {
		if at := len(want); at+len(w.ops) <= len(found) && anyOrder(w.ops, found[at:at+len(w.ops)]) {
			for _, f := range found[at : at+len(w.ops)] {
				add(f.op, w.since)
			}
			continue
		}
		for _, op := range w.ops {
			add(op, w.since)
		}
	}
	return want
}

// alignedOps is a line of a comparison. One of the two may be missing.
type alignedOps struct {
	want  wantOp
	found foundOp
}

// alignOps aligns the listed and the found operations, with as many equal lines as
// possible.
func alignOps(want []wantOp, found []foundOp) []alignedOps {
	equal := make([][]int, len(want)+1) // equal[i][j]: how many lines of want[i:] and found[j:] fit
	equal[len(want)] = make([]int, len(found)+1)
	for i := len(want) - 1; i >= 0; i-- {
		equal[i] = make([]int, len(found)+1)
		for j := len(found) - 1; j >= 0; j-- {
			if sameOp(want[i].op, found[j].op) {
				equal[i][j] = equal[i+1][j+1] + 1
			} else {
				equal[i][j] = max(equal[i+1][j], equal[i][j+1])
			}
		}
	}
	var lines []alignedOps
	i, j := 0, 0
	for i < len(want) || j < len(found) {
		switch {
		case i < len(want) && j < len(found) && sameOp(want[i].op, found[j].op):
			lines = append(lines, alignedOps{want[i], found[j]})
			i, j = i+1, j+1
		case j == len(found) || i < len(want) && equal[i+1][j] >= equal[i][j+1]:
			lines = append(lines, alignedOps{want: want[i]})
			i++
		default:
			lines = append(lines, alignedOps{found: found[j]})
			j++
		}
	}
	return lines
}

// sameOp reports whether a found operation is the listed one. In "set_state *" the source
// does not show the object.
func sameOp(listed, found string) bool {
	verb, any := strings.CutSuffix(found, "*")
	return listed == found || any && strings.HasPrefix(listed, verb)
}

// anyOrder reports whether the found operations are the alternatives, each once.
func anyOrder(alternatives []string, found []foundOp) bool {
	var ops []string
	for _, f := range found {
		ops = append(ops, f.op)
	}
	slices.Sort(ops)
	return slices.Equal(slices.Sorted(slices.Values(alternatives)), ops)
}

// wrongOrders compares a program with testdata/order.txt, and returns a text for each
// difference.
func wrongOrders(t *testing.T, prog *program) []string {
	text, err := os.ReadFile("testdata/order.txt")
	require.NoError(t, err)
	lists, err := parseOrder(string(text))
	require.NoError(t, err)
	goNames, has := map[string]string{}, map[string]bool{}
	for _, l := range lists {
		require.False(t, has[l.name], "%s has two lists", l.name)
		has[l.name] = true
	}
	for _, f := range slices.Concat(uffd.KernelFuncs(), mm.KernelFuncs()) {
		goNames[f.Name] = f.GoName()
	}
	for _, f := range uffd.KernelFuncs() {
		require.True(t, has[f.Name], "%s has no list in testdata/order.txt", f.Name)
	}
	_, err = prog.Import(modulePath + "/uffd")
	require.NoError(t, err)
	return checkOrder(prog, lists, goNames)
}

// Every Go function has the operations of the kernel function that it recreates, in the
// same order.
func TestOrderIsTheKernels(t *testing.T) {
	for _, wrong := range wrongOrders(t, newProgram()) {
		t.Error(wrong)
	}
}
