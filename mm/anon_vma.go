package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// AnonVMA is the object through which the kernel finds, from a page of anonymous
// memory, the VMAs that may map it. The model has no such reverse mapping: what is
// left of the anon_vma is its identity, which decides what may merge with what
// (§17.5).
type AnonVMA struct {
	// chain is the length of the anon_vma_chain of every VMA whose own anon_vma this
	// is: one for itself, and one for each ancestor that forks have put before it.
	// Immutable.
	//
	// The kernel keeps the chain in the VMA. It is the same for all VMAs with the same
	// anon_vma, since a chain is only ever copied together with the pointer.
	chain int
}

func newAnonVMA(t *sim.Task, chain int) *AnonVMA {
	a := &AnonVMA{chain: chain}
	sim.Label(t, a, "anon_vma", t.Unique())
	return a
}

// singular reports whether a VMA with this anon_vma has a chain of exactly one
// entry: list_is_singular. The VMA of a forked child has not, and neither has one
// that was never faulted (a nil AnonVMA): its chain is empty.
func (a *AnonVMA) singular() bool { return a != nil && a.chain == 1 }

// AnonVMA is the VMA's anon_vma, nil before its first write fault. mmap_lock must be
// held; while it is held for reading only, a fault may set it at any time.
func (v *VMA) AnonVMA() *AnonVMA { return v.anon.Peek() }

// anonVMAPrepare makes sure that the VMA has an anon_vma: anon_vma_prepare. It
// prefers that of a neighbour with which the VMA may one day merge. mmap_lock must be
// held for reading, and no page-table lock. The error is ENOMEM.
func (v *VMA) anonVMAPrepare(t *sim.Task) error {
	if v.anon.Load(t) != nil {
		return nil
	}
	if t.ShouldFail("anon_vma") {
		return errno.ENOMEM
	}
	anon := v.findMergeableAnonVMA(t)
	if anon == nil {
		anon = newAnonVMA(t, 1)
	}
	v.mm.pageTableLock.Lock(t) // against the other faults: they all hold mmap_lock too
	if v.anon.Peek() == nil {
		v.anon.Store(t, anon)
	}
	v.mm.pageTableLock.Unlock(t)
	return nil
}

// findMergeableAnonVMA looks at the neighbours for an anon_vma to share, the upper
// one first, so that a VMA that mprotect splits and a fault enters can be put
// together again: find_mergeable_anon_vma. mmap_lock must be held for reading.
func (v *VMA) findMergeableAnonVMA(t *sim.Task) *AnonVMA {
	if v.next != nil && anonVMACompatible(v, v.next) {
		if anon := v.next.anon.Load(t); anon.singular() {
			return anon
		}
	}
	if v.prev != nil && anonVMACompatible(v.prev, v) {
		if anon := v.prev.anon.Load(t); anon.singular() {
			return anon
		}
	}
	return nil
}

// anonVMACompatible reports whether the two VMAs, b right behind a, differ in
// nothing but what mprotect can change: anon_vma_compatible. The userfault context
// does not count.
func anonVMACompatible(a, b *VMA) bool {
	return a.End == b.Start &&
		mpolEqual(a.Policy, b.Policy) &&
		a.File == b.File &&
		(a.Flags^b.Flags)&^(vmAccess|VMSoftDirty) == 0 &&
		b.Pgoff == a.Pgoff+a.Pages()
}

// anonVMAClone gives the VMA, which has none or is new, the anon_vma and the chain
// of src: anon_vma_clone. mmap_lock must be held for writing.
func (v *VMA) anonVMAClone(src *VMA) { v.anon.Init(src.anon.Peek()) }

// importAnonVMA is what a VMA does that takes over pages of another: it takes the
// anon_vma, too, if it has none itself. mmap_lock must be held for writing.
func (v *VMA) importAnonVMA(exporter *VMA) {
	if v.anon.Peek() == nil {
		v.anonVMAClone(exporter)
	}
}

// anonVMAFork gives the VMA of a child an anon_vma of its own behind the parent's:
// anon_vma_fork. The chain is longer by one from now on, and so the child's VMA
// merges no more with what has another anon_vma or none. (The kernel may reuse an
// ancestor's anon_vma that no VMA is left in; the model never does.)
func (v *VMA) anonVMAFork(t *sim.Task, parent *VMA) {
	if p := parent.anon.Peek(); p != nil {
		v.anon.Init(newAnonVMA(t, p.chain+1))
	}
}
