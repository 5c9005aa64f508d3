package mm

import (
	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// VMA is a virtual memory area, a range of pages with the same attributes:
// vm_area_struct. The fields are protected by mmap_lock of the address space, and change
// only while it is held for writing. The exception is the anon_vma.
type VMA struct {
	// Start and End are the bounds [Start, End), in bytes, page aligned.
	Start, End uint64
	// Flags are the VM_ bits.
	Flags VMFlags
	// Pgoff is the offset of Start in File, in pages. In anonymous memory it is initially
	// Start>>PageShift, so that adjacent VMAs have consecutive offsets.
	Pgoff uint64
	// File is the mapped file, nil for anonymous memory.
	File *vfs.File
	// Ops are the operations of the type of memory, nil for plain anonymous memory.
	Ops *VMOperations
	// Policy is the memory policy set by mbind, nil for the default.
	Policy *MemPolicy
	// Userfault is the userfault context of a registered VMA, nil if not registered.
	Userfault Userfault

	mm         *MM // immutable
	next, prev *VMA
	// anon is nil before the first write fault. A fault sets it with mmap_lock held for
	// reading, under mm.pageTableLock.
	anon sim.Ref[AnonVMA]
}

// VMOperations are the operations of a type of memory: vm_operations_struct. A VMA that
// has any is not plain anonymous memory.
type VMOperations struct {
	// Name is the name of the type in /proc/PID/maps and in traces.
	Name string
	// Fault returns the frame for the missing page at pgoff, with a reference for the
	// caller. mmap_lock is held for reading. The fault ends out of memory for ENOMEM, and
	// with SIGBUS for any other error.
	Fault func(t *sim.Task, vma *VMA, pgoff uint64) (*page.Frame, error)
	// Close is called when the VMA is removed, with mmap_lock held for writing or after
	// the last user of the address space. A VMA with Close never merges.
	Close func(vma *VMA)
	// Uffd are the operations for userfaultfd, nil if the memory cannot be registered.
	// Today only anonymous memory can, which has no VMOperations.
	Uffd *UffdOps
}

// MemPolicy is a NUMA memory policy. The model does not place memory: it needs policies
// only because VMAs with different ones do not merge.
type MemPolicy struct{ Name string }

// newVMA returns a new VMA of the address space, which is not in the tree.
func newVMA(t *sim.Task, mm *MM) *VMA {
	vma := &VMA{mm: mm}
	sim.Label(t, vma, "vma", t.Unique())
	return vma
}

// MM returns the address space of the VMA.
func (v *VMA) MM() *MM { return v.mm }

// Next returns the next VMA by address, nil if none. mmap_lock must be held.
func (v *VMA) Next() *VMA { return v.next }

// Pages returns the length in pages.
func (v *VMA) Pages() uint64 { return (v.End - v.Start) >> PageShift }

// IsAnonymous reports whether the VMA is plain anonymous memory: vma_is_anonymous.
func (v *VMA) IsAnonymous() bool { return v.Ops == nil }

// String returns the range: "[0x1000, 0x3000)". It returns "none" for nil.
func (v *VMA) String() string {
	if v == nil {
		return "none"
	}
	return rangeString(v.Start, v.End)
}

// vmaKey is an item of the tree. It has a copy of the VMA's start, so that a search reads
// only the nodes of the tree, and needs no VMA to compare with.
type vmaKey struct {
	start uint64
	vma   *VMA
}

func newVMATree() *btree.BTreeG[vmaKey] {
	return btree.NewG(64, func(a, b vmaKey) bool { return a.start < b.start })
}

// FindVMA returns the lowest VMA that ends above addr, nil if none. It may start above
// addr. mmap_lock must be held. It recreates find_vma (§17.1).
func (mm *MM) FindVMA(t *sim.Task, addr uint64) *VMA {
	mm.MmapLock.AssertHeld(t)
	if mm.dead {
		sim.UseAfterFree(t, "find_vma", "the address space has been torn down")
	}
	return mm.lookup(addr)
}

// FindVMAPrev returns the VMA that [MM.FindVMA] returns and the VMA before it. If no VMA
// ends above addr, prev is the highest VMA. mmap_lock must be held. It recreates
// find_vma_prev.
func (mm *MM) FindVMAPrev(t *sim.Task, addr uint64) (vma, prev *VMA) {
	if vma = mm.FindVMA(t, addr); vma != nil {
		return vma, vma.prev
	}
	return nil, mm.highest()
}

// lookup is FindVMA without its checks: mmap_lock must be held, or no other task may
// change the VMAs. It tries the VMA found last first, because accesses are often close to
// each other.
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

// dropRecent clears the VMA found last if it is the given one, which is being removed.
func (mm *MM) dropRecent(vma *VMA) {
	if mm.recent.Peek() == vma {
		mm.recent.Init(nil)
	}
}

// highest returns the highest VMA, nil if none.
func (mm *MM) highest() *VMA {
	k, _ := mm.vmas.Max()
	return k.vma
}

// after returns the VMA after prev, or the lowest VMA if prev is nil.
func (mm *MM) after(prev *VMA) *VMA {
	if prev != nil {
		return prev.next
	}
	return mm.first
}

// link adds a VMA to the tree, the list and the gap index, after prev (nil: as the first
// one): vma_link. Only link, unlink, linkPart, removeNext, resize and reset change these.
// The first five need mmap_lock held for writing.
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

// unlink removes a VMA from the tree, the list and the gap index: __vma_unlink. The VMA
// keeps its own next and prev.
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
	mm.dropRecent(vma)
	mm.mapCount--
	vma.trace(t, "vma_remove", vma.Start)
}

// linkPart adds a part of a VMA that is being split: its range becomes that of vma and
// insert, which has the lower or the upper part. The gaps around the VMA do not change.
func (mm *MM) linkPart(t *sim.Task, vma, insert *VMA) {
	was := vma.Start
	if insert.Start == was {
		vma.Start = insert.End
		insert.prev, insert.next = vma.prev, vma
		mm.vmas.ReplaceOrInsert(vmaKey{vma.Start, vma})
	} else {
		vma.End = insert.Start
		insert.prev, insert.next = vma, vma.next
	}
	mm.vmas.ReplaceOrInsert(vmaKey{insert.Start, insert}) // replaces vma if insert is below
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

// removeNext removes the VMA after vma, and extends vma over it and the gap between them.
// The gap after the next VMA does not change.
func (mm *MM) removeNext(t *sim.Task, vma, next *VMA) {
	mm.gaps.remove(vma.End, next.Start)
	mm.vmas.Delete(vmaKey{start: next.Start})
	mm.dropRecent(next)
	vma.End, vma.next = next.End, next.next
	if vma.next != nil {
		vma.next.prev = vma
	}
	mm.mapCount--
	next.trace(t, "vma_remove", next.Start)
}

// resize changes the bounds of the VMA, which must not overlap a neighbour. A new start
// needs a new item in the tree, because the start is the key.
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

// reset removes all VMAs without emitting events. No other task may use the address
// space.
func (mm *MM) reset() {
	mm.vmas.Clear(false)
	mm.gaps = gapIndex{}
	mm.first, mm.mapCount = nil, 0
	mm.recent.Init(nil)
}
