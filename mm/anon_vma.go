package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// AnonVMA is the object through which the kernel finds the VMAs that may map a page of
// anonymous memory: struct anon_vma. The model has no reverse mapping. It needs the
// anon_vma's identity only, because VMAs with different ones do not merge (§17.5).
type AnonVMA struct {
	// chain is the length of the anon_vma_chain of each VMA with this anon_vma: one entry
	// for itself, and one for each generation of ancestors. Immutable.
	//
	// The kernel has the chain in the VMA. All VMAs with the same anon_vma have the same
	// chain, because the kernel always copies the two together.
	chain int
}

// newAnonVMA returns an anon_vma with a chain of the given length.
func newAnonVMA(t *sim.Task, chain int) *AnonVMA {
	a := &AnonVMA{chain: chain}
	sim.Label(t, a, "anon_vma", t.Unique())
	return a
}

// singular reports whether a VMA with this anon_vma has a chain of exactly one entry:
// list_is_singular. The chain of a forked child's VMA is longer, and that of a VMA
// without an anon_vma (nil) is empty.
func (a *AnonVMA) singular() bool { return a != nil && a.chain == 1 }

// AnonVMA returns the VMA's anon_vma, nil before the first write fault. mmap_lock must be
// held. While it is held for reading only, a fault of another task may set the anon_vma.
func (v *VMA) AnonVMA() *AnonVMA { return v.anon.Peek() }

// anonVMAPrepare gives the VMA an anon_vma if it has none: anon_vma_prepare. It prefers
// that of a neighbour, so that the two can still merge. mmap_lock must be held for
// reading, and no page-table lock. The error is ENOMEM.
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
	v.mm.pageTableLock.Lock(t) // other faults also hold mmap_lock for reading
	if v.anon.PeekHeld(t) == nil {
		v.anon.Store(t, anon)
	}
	v.mm.pageTableLock.Unlock(t)
	return nil
}

// findMergeableAnonVMA returns the anon_vma of a neighbour that the VMA can share, the
// upper one first, or nil: find_mergeable_anon_vma. Without it, a VMA that mprotect
// splits and that faults before the rights are restored could not merge again. mmap_lock
// must be held for reading.
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

// anonVMACompatible reports whether the two VMAs are adjacent, a below b, and differ only
// in what mprotect can change: anon_vma_compatible. It ignores the userfault contexts.
// mmap_lock must be held.
func anonVMACompatible(a, b *VMA) bool {
	return a.End == b.Start &&
		mpolEqual(a.Policy, b.Policy) &&
		a.File == b.File &&
		(a.Flags^b.Flags)&^(vmAccess|VMSoftDirty) == 0 &&
		b.Pgoff == a.Pgoff+a.Pages()
}

// anonVMAClone sets the anon_vma of a VMA that has none to that of src: anon_vma_clone.
// mmap_lock must be held for writing.
func (v *VMA) anonVMAClone(t *sim.Task, src *VMA) { v.anon.Reset(t, src.anon.Peek()) }

// importAnonVMA sets the anon_vma of a VMA that has none to that of exporter, whose pages
// it takes over: a part of vma_adjust. mmap_lock must be held for writing.
func (v *VMA) importAnonVMA(t *sim.Task, exporter *VMA) {
	if v.anon.Peek() == nil {
		v.anonVMAClone(t, exporter)
	}
}

// anonVMAFork gives a child's VMA a new anon_vma, whose chain is one longer than that of
// the parent's: anon_vma_fork. So the child's VMA merges only with VMAs that have the
// same anon_vma. Both mmap_locks must be held for writing. The kernel may reuse an
// ancestor's anon_vma that no VMA uses; the model never does.
func (v *VMA) anonVMAFork(t *sim.Task, parent *VMA) {
	if p := parent.anon.Peek(); p != nil {
		v.anon.Reset(t, newAnonVMA(t, p.chain+1))
	}
}
