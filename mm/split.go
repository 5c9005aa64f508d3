package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// SplitVMA splits a VMA in two at addr, a page boundary inside of it. With newBelow
// the new VMA is [Start, addr) and vma becomes [addr, End); without, the new VMA is
// the upper part. Both keep everything else, the userfault context included.
// mmap_lock must be held for writing. The error is ENOMEM: no memory, or already as
// many VMAs as [MM.MaxMapCount] allows. It recreates split_vma (§17.6).
func (mm *MM) SplitVMA(t *sim.Task, vma *VMA, addr uint64, newBelow bool) error {
	mm.MmapLock.AssertHeldWrite(t)
	if mm.mapCount >= mm.MaxMapCount {
		return errno.ENOMEM
	}
	return mm.splitVMA(t, vma, addr, newBelow)
}

// splitVMA is SplitVMA without the limit, for munmap, whose split is followed by a
// removal: __split_vma. The error is ENOMEM: no memory.
func (mm *MM) splitVMA(t *sim.Task, vma *VMA, addr uint64, newBelow bool) error {
	sim.BugOn(t, addr <= vma.Start || addr >= vma.End, "split_vma", "the address is not inside of the VMA")
	if t.ShouldFail("split_vma") {
		return errno.ENOMEM
	}
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "vma_split", Object: vma.String(), Args: []sim.Arg{
			{Key: "at", Value: addr}, {Key: "new_below", Value: newBelow},
		}})
	}
	upper := vma.Pgoff + (addr-vma.Start)>>PageShift
	n := vma.dup(t, mm)
	n.anonVMAClone(vma)
	if newBelow {
		n.End = addr
		mm.vmaAdjust(t, vma, addr, vma.End, upper, n)
	} else {
		n.Start, n.Pgoff = addr, upper
		mm.vmaAdjust(t, vma, vma.Start, addr, vma.Pgoff, n)
	}
	return nil
}

// dup returns a copy of the VMA for the address space, in no tree, with a reference
// to the file and without an anon_vma. A field that is added to VMA is added here.
func (v *VMA) dup(t *sim.Task, mm *MM) *VMA {
	if v.File != nil {
		v.File.Get(t)
	}
	n := newVMA(t, mm)
	n.Start, n.End, n.Flags, n.Pgoff = v.Start, v.End, v.Flags, v.Pgoff
	n.File, n.Ops, n.Policy, n.Userfault = v.File, v.Ops, v.Policy, v.Userfault
	return n
}

// vmaAdjust gives the VMA other bounds and another pgoff, and makes the neighbours
// fit. insert, if not nil, is the other part of a VMA that is being split. If it is
// nil, then
//
//   - VMAs behind vma that end at or below end go away: vma swallows them,
//   - one that end cuts into gives its front part to vma,
//   - and if vma shrinks, the one behind it grows down to where vma ends now.
//
// Whoever grows over memory that was faulted takes the anon_vma over. mmap_lock must
// be held for writing. It recreates vma_adjust, which can fail for want of memory;
// here the callers have asked for that before.
func (mm *MM) vmaAdjust(t *sim.Task, vma *VMA, start, end, pgoff uint64, insert *VMA) {
	mm.splitHugePageAt(t, start)
	mm.splitHugePageAt(t, end)
	if insert != nil {
		mm.divide(t, vma, insert)
		vma.Pgoff = pgoff
		return
	}
	next := vma.next
	switch {
	case next == nil:
	case end >= next.End:
		for ; next != nil && next.End <= end; next = vma.next {
			vma.importAnonVMA(next)
			mm.swallow(t, vma, next)
			if next.File != nil {
				next.File.Put(t)
			}
		}
		if start == vma.Start && end == vma.End {
			vma.trace(t, "vma_change", start) // or else resize says so
		}
	case end > next.Start:
		vma.importAnonVMA(next)
		sim.BugOn(t, differ(vma, next), "vma_adjust", "pages would move between VMAs with different anon_vmas")
		mm.moveStart(t, next, end)
	case end < vma.End:
		next.importAnonVMA(vma)
		sim.BugOn(t, differ(vma, next), "vma_adjust", "pages would move between VMAs with different anon_vmas")
		mm.resize(t, vma, start, end) // first, so that the two never overlap
		mm.moveStart(t, next, end)
	}
	mm.resize(t, vma, start, end)
	vma.Pgoff = pgoff
}

// splitHugePageAt splits the huge page, if there is one, that addr cuts into: a new
// bound of a VMA must not. It recreates split_huge_page_address.
func (mm *MM) splitHugePageAt(t *sim.Task, addr uint64) {
	if addr&^PMDMask == 0 {
		return
	}
	i := pgtable.PMD.Index(addr)
	if pmd := mm.pmdTable(addr); pmd != nil && pmd.Peek(i).Huge() {
		mm.splitHugePMD(t, pmd, i)
	}
}

// differ reports whether the VMAs have different anon_vmas.
func differ(a, b *VMA) bool {
	x, y := a.anon.Peek(), b.anon.Peek()
	return x != nil && y != nil && x != y
}

// moveStart moves the VMA's start and what it maps there with it.
func (mm *MM) moveStart(t *sim.Task, vma *VMA, start uint64) {
	vma.Pgoff += uint64(int64(start-vma.Start) >> PageShift)
	mm.resize(t, vma, start, vma.End)
}
