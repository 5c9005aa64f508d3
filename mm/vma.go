package mm

import (
	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// VMA is a virtual memory area: a range of pages with the same attributes. All of
// it is guarded by its MM's mmap_lock (written under the write lock), but for the
// anon_vma, which a fault may set under the read lock.
type VMA struct {
	// Start and End bound the area, in bytes, page aligned: [Start, End).
	Start, End uint64
	// Flags are the VM_ bits.
	Flags VMFlags
	// Pgoff is the offset of Start in File, in pages; in anonymous memory Start>>12
	// at creation, so that neighbours continue one another.
	Pgoff uint64
	// File is what is mapped, nil for anonymous memory.
	File *vfs.File
	// Ops is what the kind of mapping does, nil for plain anonymous memory.
	Ops *VMOperations
	// Policy is the memory policy that mbind gave it, nil for the default.
	Policy *MemPolicy
	// Userfault is the context that gets the area's faults, nil for none.
	Userfault Userfault

	mm         *MM
	next, prev *VMA
	anon       sim.Ref[AnonVMA] // nil until the first write fault; its own lock: mm.pageTableLock
}

// VMOperations are the methods of a type of memory: vm_operations_struct. A VMA that has
// any is not plain anonymous memory.
type VMOperations struct {
	// Name tells the kind of mapping in /proc/PID/maps.
	Name string
	// Fault finds the frame for a page that is not there, and takes a reference on it.
	Fault func(t *sim.Task, vma *VMA, pgoff uint64) (*page.Frame, error)
	// Close is called when the VMA goes away. A VMA that has it never merges away.
	Close func(vma *VMA)
	// Uffd is what the type does for userfaultfd, nil if it cannot be registered. No type
	// but anonymous memory, which has no VMOperations, can be today.
	Uffd *UffdOps
}

// MemPolicy is a NUMA memory policy. The model does not place memory; policies are
// here because VMAs with different ones do not merge.
type MemPolicy struct{ Name string }

// newVMA returns a VMA of the address space, in no tree.
func newVMA(t *sim.Task, mm *MM) *VMA {
	vma := &VMA{mm: mm}
	sim.Label(t, vma, "vma", t.Unique())
	return vma
}

// MM is the address space that the VMA belongs to. Immutable.
func (v *VMA) MM() *MM { return v.mm }

// Next is the VMA that follows by address, nil at the end.
func (v *VMA) Next() *VMA { return v.next }

// Prev is the VMA before, nil at the start.
func (v *VMA) Prev() *VMA { return v.prev }

// Pages is the length in pages.
func (v *VMA) Pages() uint64 { return (v.End - v.Start) >> PageShift }

// IsAnonymous reports whether the VMA is plain anonymous memory.
func (v *VMA) IsAnonymous() bool { return v.Ops == nil }

// String is the range: "[0x1000, 0x3000)".
func (v *VMA) String() string {
	if v == nil {
		return "none"
	}
	return rangeString(v.Start, v.End)
}

// vmaKey is an item of the tree. The start is kept beside the pointer so that a
// search touches the tree's nodes only, and a lookup needs no VMA to compare with.
type vmaKey struct {
	start uint64
	vma   *VMA
}

func newVMATree() *btree.BTreeG[vmaKey] {
	return btree.NewG(64, func(a, b vmaKey) bool { return a.start < b.start })
}

// FindVMA returns the lowest VMA that ends above addr, nil if there is none. It may
// start above addr. mmap_lock must be held. It recreates find_vma (§17.1).
func (mm *MM) FindVMA(t *sim.Task, addr uint64) *VMA {
	mm.MmapLock.AssertHeld(t)
	if mm.dead {
		sim.UseAfterFree(t, "find_vma", "the address space has been torn down")
	}
	return mm.lookup(addr)
}

// FindVMAPrev returns [MM.FindVMA] and the VMA before that: the highest one of all
// if nothing ends above addr. mmap_lock must be held. It recreates find_vma_prev.
func (mm *MM) FindVMAPrev(t *sim.Task, addr uint64) (vma, prev *VMA) {
	if vma = mm.FindVMA(t, addr); vma != nil {
		return vma, vma.prev
	}
	return nil, mm.highest()
}

// lookup is FindVMA for callers with another right to look. It looks first where the last
// one was found, since accesses come in runs.
func (mm *MM) lookup(addr uint64) *VMA {
	if vma := mm.recent.Peek(); vma != nil && vma.Start <= addr && addr < vma.End {
		return vma
	}
	var below *VMA
	mm.vmas.DescendLessOrEqual(vmaKey{start: addr}, func(k vmaKey) bool {
		below = k.vma
		return false
	})
	switch {
	case below == nil:
		return mm.first
	case below.End > addr:
		mm.recent.Init(below)
		return below
	}
	return below.next
}

// forget is called for a VMA that goes away.
func (mm *MM) forget(vma *VMA) {
	if mm.recent.Peek() == vma {
		mm.recent.Init(nil)
	}
}

func (mm *MM) highest() *VMA {
	k, _ := mm.vmas.Max()
	return k.vma
}

// after is the VMA that follows prev, the lowest one if prev is nil.
func (mm *MM) after(prev *VMA) *VMA {
	if prev != nil {
		return prev.next
	}
	return mm.first
}

// link puts a VMA into the tree, the list and the gap index, behind prev (nil: at the
// front): vma_link. It, unlink, divide, swallow and resize are all that changes any of them.
func (mm *MM) link(t *sim.Task, vma, prev *VMA) {
	vma.prev, vma.next = prev, mm.after(prev)
	if prev != nil {
		prev.next = vma
	} else {
		mm.first = vma
	}
	if next := vma.next; next != nil {
		next.prev = vma
		mm.gaps.remove(vma.gapStart(), next.Start)
		mm.gaps.add(vma.End, next.Start)
	}
	mm.gaps.add(vma.gapStart(), vma.Start)
	mm.vmas.ReplaceOrInsert(vmaKey{vma.Start, vma})
	mm.mapCount++
	vma.trace(t, "vma_insert", vma.Start)
}

// unlink takes a VMA out again. Its own links stay as they were.
func (mm *MM) unlink(t *sim.Task, vma *VMA) {
	mm.gaps.remove(vma.gapStart(), vma.Start)
	if next := vma.next; next != nil {
		mm.gaps.remove(vma.End, next.Start)
		mm.gaps.add(vma.gapStart(), next.Start)
		next.prev = vma.prev
	}
	if vma.prev != nil {
		vma.prev.next = vma.next
	} else {
		mm.first = vma.next
	}
	mm.vmas.Delete(vmaKey{start: vma.Start})
	mm.forget(vma)
	mm.mapCount--
	vma.trace(t, "vma_remove", vma.Start)
}

// divide gives a part of the VMA, at its start or at its end, to insert. What is free around the VMA stays
// so: the gap index is left alone.
func (mm *MM) divide(t *sim.Task, vma, insert *VMA) {
	was := vma.Start
	if insert.Start == was {
		vma.Start = insert.End
		insert.prev, insert.next = vma.prev, vma
		mm.vmas.ReplaceOrInsert(vmaKey{vma.Start, vma})
	} else {
		vma.End = insert.Start
		insert.prev, insert.next = vma, vma.next
	}
	mm.vmas.ReplaceOrInsert(vmaKey{insert.Start, insert}) // in the lower part: in the VMA's old place
	if insert.prev != nil {
		insert.prev.next = insert
	} else {
		mm.first = insert
	}
	if insert.next != nil {
		insert.next.prev = insert
	}
	mm.mapCount++
	vma.trace(t, "vma_change", was)
	insert.trace(t, "vma_insert", insert.Start)
}

// swallow lets the VMA grow over the one behind it, which goes away, and over what is free between the two.
// Behind that one all stays as it is.
func (mm *MM) swallow(t *sim.Task, vma, next *VMA) {
	mm.gaps.remove(vma.End, next.Start)
	mm.vmas.Delete(vmaKey{start: next.Start})
	mm.forget(next)
	vma.End, vma.next = next.End, next.next
	if vma.next != nil {
		vma.next.prev = vma
	}
	mm.mapCount--
	next.trace(t, "vma_remove", next.Start)
}

// resize gives the VMA other bounds, which must not reach into a neighbour. The tree
// is keyed by the start, so that it cannot be stored in place.
func (mm *MM) resize(t *sim.Task, vma *VMA, start, end uint64) {
	was, changes := vma.Start, start != vma.Start || end != vma.End
	if start != vma.Start {
		mm.gaps.remove(vma.gapStart(), vma.Start)
		mm.vmas.Delete(vmaKey{start: vma.Start})
		vma.Start = start
		mm.vmas.ReplaceOrInsert(vmaKey{start, vma})
		mm.gaps.add(vma.gapStart(), start)
	}
	if end != vma.End {
		if next := vma.next; next != nil {
			mm.gaps.remove(vma.End, next.Start)
			mm.gaps.add(end, next.Start)
		}
		vma.End = end
	}
	if changes {
		vma.trace(t, "vma_change", was)
	}
}

// reset forgets all VMAs at once.
func (mm *MM) reset() {
	mm.vmas.Clear(false)
	mm.gaps = gapIndex{}
	mm.first, mm.mapCount = nil, 0
	mm.recent.Init(nil)
}
