package explore

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Symmetry reduction: faulters run the same program, so permuting them, and with them
// their pages, maps runs to runs. Of the states in an orbit (the images of a state under
// all permutations) only one needs to be explored (C. N. Ip and D. L. Dill, "Better
// verification through symmetry", Formal Methods in System Design 9, 1996; E. M. Clarke,
// R. Enders, T. Filkorn and S. Jha, "Exploiting symmetry in temporal logic model
// checking", in the same issue). The executor computes a hash of the state under each
// permutation. The image with the smallest hash is the orbit's canonical representative.

// Symmetry is the symmetry of a setup's faulters.
type Symmetry int

const (
	// Distinct faulters are not interchangeable, because the setup treats one of them
	// differently.
	Distinct Symmetry = iota
	// SamePage faulters are interchangeable. They touch one page.
	SamePage
	// OwnPage faulters are interchangeable together with their pages: see own.
	OwnPage
)

func faulterName(i int) string { return "t" + strconv.Itoa(i+1) }

// permutations returns all permutations of n elements, the identity first.
func permutations(n int) [][]int {
	all := [][]int{nil}
	for k := range n {
		var longer [][]int
		for _, p := range all {
			for at := len(p); at >= 0; at-- {
				q := append(append(append([]int{}, p[:at]...), k), p[at:]...)
				longer = append(longer, q)
			}
		}
		all = longer
	}
	return all
}

// symmetry returns the symmetry that a search exploits: with store buffers none.
func (o *Options) symmetry(s *Setup) Symmetry {
	if o.TSO {
		return Distinct
	}
	return s.Symmetry
}

// symmetryGroup returns the permutations of the faulters, as permutations for the
// executor's fingerprints and as permutations of the tasks, both in the same order. If
// there are more than [sim.MaxPermutations], it returns the identity alone, which
// disables the reduction.
func symmetryGroup(s Symmetry, faulters int) (perms []sim.Permutation, taskPerms [][]int) {
	n := faulters
	if s == Distinct || n < 2 || n > maxSymmetric {
		n = 1
	}
	for _, p := range permutations(n) {
		r := &permuter{to: p, pages: s == OwnPage}
		for i := range p {
			r.names = append(r.names, faulterName(i))
		}
		perms = append(perms, sim.Permutation{
			Task: r.task, Label: r.label, Address: r.address, Offset: r.offset,
		})
		taskPerms = append(taskPerms, p)
	}
	return perms, taskPerms
}

// maxSymmetric is the largest number of faulters whose permutations an executor supports.
const maxSymmetric = 4

// SymmetryUnused returns why a search with these options does not exploit the symmetry of
// the setup's faulters, "" if it does or if the setup has none.
func (o Options) SymmetryUnused(setup *Setup) string {
	faulters := cmp.Or(o.Faulters, setup.Faulters)
	switch {
	case setup.Symmetry == Distinct || faulters < 2 || !o.reduced():
		return ""
	case o.TSO:
		return "the search does not exploit the symmetry of the faulters with store buffers"
	case faulters > maxSymmetric:
		return fmt.Sprintf("the search does not exploit the symmetry of the faulters: %d of them have more than %d permutations",
			faulters, sim.MaxPermutations)
	}
	return ""
}

// permuter maps faulter i, and everything that belongs to it, to faulter to[i].
type permuter struct {
	to    []int
	names []string
	pages bool // map their pages as well
}

func (r *permuter) task(id int) int {
	if i := id - firstTask; i >= 0 && i < len(r.to) {
		return firstTask + r.to[i]
	}
	return id
}

// label maps the labels of structures: those that contain a faulter's name, those with a
// number from a task's own counter ([sim.Task.Unique]), and those that contain an
// address.
func (r *permuter) label(name string, n uint64) (string, uint64) {
	const low = 1<<32 - 1
	for i, to := range r.to {
		rest, ok := strings.CutPrefix(name, r.names[i])
		switch {
		case ok && rest == "":
			return r.names[to], uint64(r.task(int(n)))
		case ok && rest[0] == '\'':
			return r.names[to] + rest, uint64(r.task(int(n>>32)))<<32 | n&low
		}
	}
	if strings.HasSuffix(name, " table") || strings.HasSuffix(name, " at") {
		return name, r.address(n)
	}
	return name, uint64(r.task(int(n>>32)))<<32 | n&low
}

func (r *permuter) address(addr uint64) uint64 {
	if i := int(addr/mm.PMDSize) - Arena/mm.PMDSize; r.pages && i >= 0 && i < len(r.to) {
		return own(r.to[i]) + addr%mm.PMDSize
	}
	return addr
}

func (r *permuter) offset(name string, offset uintptr) uintptr {
	if name != "pmd table" {
		return offset
	}
	return pgtable.MoveEntry(offset, func(i int) int {
		return int(r.address(uint64(i)*mm.PMDSize) / mm.PMDSize)
	})
}

// imageOf returns the image of a task. A permutation need not mention the last tasks.
func imageOf(task int, to []int) int {
	if task < len(to) {
		return to[task]
	}
	return task
}

// permuteSet returns the image of a set of tasks.
func permuteSet(set uint32, to []int) uint32 {
	out := set &^ (1<<len(to) - 1)
	for i, j := range to {
		out |= set >> i & 1 << j
	}
	return out
}

// invert returns the inverse permutation.
func invert(to []int) []int {
	back := make([]int, len(to))
	for i, j := range to {
		back[j] = i
	}
	return back
}

// compose returns the index of the permutation that applies b first and then a.
func compose(all [][]int, a, b []int) int {
	return slices.IndexFunc(all, func(p []int) bool {
		for i := range p {
			if p[i] != a[b[i]] {
				return false
			}
		}
		return true
	})
}
