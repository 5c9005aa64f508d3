package explore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Faulters run the same program. Two states that differ only in which of them is which
// have the same future, but for the names: only one need be explored. The executor keeps a
// fingerprint for each permutation of the faulters; the smallest one stands for all.

// Symmetry says in how far the faulters of a setup are alike.
type Symmetry int

const (
	// Distinct faulters are not: one of them is picked out.
	Distinct Symmetry = iota
	// SamePage faulters may change places: they touch one page.
	SamePage
	// OwnPage faulters may, together with their pages: see own.
	OwnPage
)

func faulterName(i int) string { return "t" + strconv.Itoa(i+1) }

// permutations returns those of n things, the one that changes nothing first, as many as
// an executor can follow.
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

// symmetry is what a search makes use of.
func (o *Options) symmetry(s *Setup) Symmetry {
	if o.TSO {
		return Distinct
	}
	return s.Symmetry
}

// renamings are what the executor has to call things if the faulters change places, and
// permuted the permutations of the tasks that belong to them.
func symmetryGroup(s Symmetry, faulters int) (renamings []sim.Permutation, permuted [][]int) {
	n := faulters
	if s == Distinct || n < 2 || len(permutations(n)) > sim.MaxPermutations {
		n = 1
	}
	for _, p := range permutations(n) {
		r := &permuter{to: p, pages: s == OwnPage}
		for i := range p {
			r.names = append(r.names, faulterName(i))
		}
		renamings = append(renamings, sim.Permutation{
			Task: r.task, Label: r.label, Address: r.address, Offset: r.offset,
		})
		permuted = append(permuted, p)
	}
	return renamings, permuted
}

// renamer makes faulter i change places with faulter to[i].
type permuter struct {
	to    []int
	names []string
	pages bool // and their pages, too
}

func (r *permuter) task(id int) int {
	if i := id - firstTask; i >= 0 && i < len(r.to) {
		return firstTask + r.to[i]
	}
	return id
}

// label renames structures: what belongs to a faulter, what a task has numbered itself
// ([sim.Task.Unique]), and what is called after an address.
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
	if name == "pte table" || strings.HasSuffix(name, " at") {
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

// permute renames the tasks of a set.
func permuteSet(set uint32, to []int) uint32 {
	out := set &^ (1<<len(to) - 1)
	for i, j := range to {
		out |= set >> i & 1 << j
	}
	return out
}

// invert is the permutation that undoes to.
func invert(to []int) []int {
	back := make([]int, len(to))
	for i, j := range to {
		back[j] = i
	}
	return back
}

// composed is the number of the permutation that is first b and then a.
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
