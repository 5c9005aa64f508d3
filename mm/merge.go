package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Attributes are the properties of a range that decide whether it can merge with a
// neighbour.
type Attributes struct {
	Flags     VMFlags
	AnonVMA   *AnonVMA
	File      *vfs.File
	Pgoff     uint64 // of the range's first page, in pages
	Policy    *MemPolicy
	Userfault Userfault
}

// Attributes returns the VMA's attributes. For a range that begins above the VMA's start
// the caller must advance Pgoff. mmap_lock must be held.
func (v *VMA) Attributes() Attributes {
	return Attributes{
		Flags: v.Flags, AnonVMA: v.anon.Peek(), File: v.File, Pgoff: v.Pgoff,
		Policy: v.Policy, Userfault: v.Userfault,
	}
}

// attributesAt returns the attributes of the part of the VMA that begins at addr.
func (v *VMA) attributesAt(addr uint64) Attributes {
	a := v.Attributes()
	a.Pgoff += (addr - v.Start) >> PageShift
	return a
}

// VMAMerge merges [addr, end), which has or will have the attributes, with the VMA before
// it, the VMA after it, or both. It returns the VMA that covers the range afterwards, or
// nil if it merged nothing.
//
// The range is either unmapped (mmap, mremap) or part of one VMA whose attributes are
// about to change (mprotect, madvise, userfaultfd). In the second case either it lies in
// prev, above prev's start, or it begins at the start of the VMA after prev. prev is nil
// if no VMA is below the range. In case 8 the VMA returned still has its old flags and
// userfault context; the caller must set them.
//
// It also returns nil if the allocation that the kernel may need fails. It does not check
// the limit on the number of VMAs, because that number does not grow. mmap_lock must be
// held for writing. It recreates vma_merge (§17.5).
func (mm *MM) VMAMerge(t *sim.Task, prev *VMA, addr, end uint64, attrs *Attributes) *VMA {
	mm.MmapLock.AssertHeldWrite(t)
	m := decideMerge(prev, mm.after(prev), addr, end, attrs)
	if m.number == 0 || t.ShouldFail("vma_merge") {
		return nil
	}
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "vma_merge", Object: rangeString(addr, end), Args: []sim.Arg{
			{Key: "case", Value: m.number}, {Key: "result", Value: m.bounds()},
		}})
	}
	mm.vmaAdjust(t, m.vma, m.start, m.end, m.pgoff, nil)
	return m.result
}

// merge is a decision of vma_merge.
type merge struct {
	number int    // the case, 0 for no merge
	vma    *VMA   // gets the bounds and the pgoff that follow, through vma_adjust
	start  uint64 // in bytes, like end
	end    uint64
	pgoff  uint64 // in pages
	result *VMA   // covers the range afterwards
}

// bounds returns the bounds of the result after the merge.
func (m *merge) bounds() string {
	if m.vma != m.result { // case 4
		return rangeString(m.end, m.result.End)
	}
	return rangeString(m.start, m.end)
}

// decideMerge returns which of the eight cases applies to [addr, end) with the
// attributes, without changing anything. prev is the VMA below (nil: none), area the VMA
// after prev (nil: none). In the pictures A is the range, P is prev, N the VMA after the
// range, and X the VMA that the range is all or part of.
//
//	mmap, mremap: the range is a hole
//
//	    AAAA            AAAA            AAAA
//	PPPP    NNNN    PPPP    NNNN    PPPP    NNNN
//	PPPPPPPPPPPP    PPPPPPPPNNNN    PPPPNNNNNNNN
//	   case 1          case 2          case 3
//
//	mprotect, madvise, userfaultfd: the range is mapped
//
//	  AAAA              AAAA
//	PPPPPPNNNNNN    PPPPXXXXXXXX
//	PPNNNNNNNNNN    PPPPPPPPXXXX
//	   case 4          case 5
//
//	    AAAA            AAAA            AAAA
//	PPPPXXXXNNNN    PPPPXXXXNNNN    PPPPXXXXNNNN
//	PPPPPPPPPPPP    PPPPPPPPNNNN    PPPPXXXXXXXX
//	   case 6          case 7          case 8
//
// In case 8 N has the attributes, but X remains.
func decideMerge(prev, area *VMA, addr, end uint64, a *Attributes) merge {
	if a.Flags&VMSpecial != 0 {
		return merge{}
	}
	next := area
	whole := area != nil && area.End == end // cases 6, 7 and 8: the range is all of X
	if whole {
		next = area.next
	}
	pages := (end - addr) >> PageShift
	joinsPrev := prev != nil && prev.End == addr && a.canVMAMergeAfter(prev)
	joinsNext := next != nil && next.Start == end && a.canVMAMergeBefore(next, pages)
	switch {
	case joinsPrev && joinsNext && mergeableAnonVMA(prev.anon.Peek(), next.anon.Peek()):
		m := merge{1, prev, prev.Start, next.End, prev.Pgoff, prev}
		if whole {
			m.number = 6
		}
		return m
	case joinsPrev:
		m := merge{2, prev, prev.Start, end, prev.Pgoff, prev}
		if whole {
			m.number = 7
		} else if area != nil && area.Start < end {
			m.number = 5
		}
		return m
	case joinsNext && prev != nil && addr < prev.End:
		return merge{4, prev, prev.Start, addr, prev.Pgoff, area}
	case joinsNext:
		m := merge{3, area, addr, next.End, next.Pgoff - pages, area}
		if whole {
			m.number = 8
		}
		return m
	}
	return merge{}
}

// canVMAMergeAfter reports whether a range with the attributes that begins at the VMA's
// end can merge with the VMA: can_vma_merge_after.
func (a *Attributes) canVMAMergeAfter(v *VMA) bool {
	return a.isMergeableVMA(v) && a.isMergeableAnonVMA(v) && v.Pgoff+v.Pages() == a.Pgoff
}

// canVMAMergeBefore reports whether a range of the given number of pages with the
// attributes that ends at the VMA's start can merge with the VMA: can_vma_merge_before.
func (a *Attributes) canVMAMergeBefore(v *VMA, pages uint64) bool {
	return a.isMergeableVMA(v) && a.isMergeableAnonVMA(v) && v.Pgoff == a.Pgoff+pages
}

// isMergeableVMA reports whether the VMA has the attributes, apart from the anon_vma,
// Pgoff and VMSoftDirty: is_mergeable_vma and mpol_equal. A VMA with ->close never
// merges.
func (a *Attributes) isMergeableVMA(v *VMA) bool {
	return (v.Flags^a.Flags)&^VMSoftDirty == 0 &&
		v.File == a.File &&
		(v.Ops == nil || v.Ops.Close == nil) &&
		v.Userfault == a.Userfault &&
		mpolEqual(v.Policy, a.Policy)
}

// isMergeableAnonVMA reports whether the anon_vmas of the range and the VMA allow a
// merge: is_mergeable_anon_vma with a VMA. They do if they are the same, or if only one
// exists and the VMA's chain has exactly one entry. So a range without an anon_vma merges
// with a VMA that has one and was never forked, but a range with an anon_vma does not
// merge with a VMA that has none, because its chain is empty. Since 6.16 it does.
func (a *Attributes) isMergeableAnonVMA(v *VMA) bool {
	b := v.anon.Peek()
	if v.mm.Facts.AnonVMAMerge == AnonVMAEither && b == nil {
		return a.AnonVMA == nil || a.AnonVMA.singular()
	}
	return a.AnonVMA == b || (a.AnonVMA == nil || b == nil) && b.singular()
}

// mergeableAnonVMA reports whether the anon_vmas of the VMAs on both sides of a range
// allow both to merge with it: is_mergeable_anon_vma without a VMA.
func mergeableAnonVMA(a, b *AnonVMA) bool { return a == nil || b == nil || a == b }

// mpolEqual reports whether the policies are the same: mpol_equal.
func mpolEqual(a, b *MemPolicy) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// rangeString returns a half-open range as text: "[0x1000, 0x3000)".
func rangeString(start, end uint64) string { return fmt.Sprintf("[%#x, %#x)", start, end) }

// SplitVMA splits a VMA in two at addr, a page boundary inside it. With newBelow the new
// VMA is [Start, addr) and vma becomes [addr, End). Without it the new VMA is the upper
// part. Both parts keep all attributes, including the userfault context. mmap_lock must
// be held for writing. The error is ENOMEM: an allocation failed, or the number of VMAs
// has reached [MM.MaxMapCount]. It recreates split_vma (§17.6).
func (mm *MM) SplitVMA(t *sim.Task, vma *VMA, addr uint64, newBelow bool) error {
	mm.MmapLock.AssertHeldWrite(t)
	if mm.mapCount >= mm.MaxMapCount {
		return errno.ENOMEM
	}
	return mm.splitVMA(t, vma, addr, newBelow)
}

// splitVMA is SplitVMA without the limit on the number of VMAs: __split_vma. munmap uses
// it, because it removes a VMA after the split. mmap_lock must be held for writing. The
// error is ENOMEM: an allocation failed.
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
	n.anonVMAClone(t, vma)
	if newBelow {
		n.End = addr
		mm.vmaAdjust(t, vma, addr, vma.End, upper, n)
	} else {
		n.Start, n.Pgoff = addr, upper
		mm.vmaAdjust(t, vma, vma.Start, addr, vma.Pgoff, n)
	}
	return nil
}

// dup returns a copy of the VMA for the address space, with a reference to the file: the
// copy of *vma in __split_vma, copy_vma and dup_mmap. The copy is not in the tree and has
// no anon_vma. A new field of VMA must be copied here.
func (v *VMA) dup(t *sim.Task, mm *MM) *VMA {
	if v.File != nil {
		v.File.Get(t)
	}
	n := newVMA(t, mm)
	n.Start, n.End, n.Flags, n.Pgoff = v.Start, v.End, v.Flags, v.Pgoff
	n.File, n.Ops, n.Policy, n.Userfault = v.File, v.Ops, v.Policy, v.Userfault
	return n
}

// vmaAdjust sets the bounds and the pgoff of the VMA and adjusts its neighbours:
// vma_adjust. If insert is not nil it is the other part of a VMA that is being split. If
// it is nil:
//
//   - VMAs after vma that end at or below end are removed,
//   - a VMA after vma that contains end now begins there,
//   - and if vma's end moves down, the VMA after it grows down to it.
//
// A VMA that grows over memory with an anon_vma gets that anon_vma if it has none.
// mmap_lock must be held for writing. The kernel's function can fail with ENOMEM; here
// the callers have already decided whether an allocation fails.
func (mm *MM) vmaAdjust(t *sim.Task, vma *VMA, start, end, pgoff uint64, insert *VMA) {
	mm.splitHugePageAddress(t, start)
	mm.splitHugePageAddress(t, end)
	if insert != nil {
		mm.linkPart(t, vma, insert)
		vma.Pgoff = pgoff
		return
	}
	next := vma.next
	switch {
	case next == nil:
	case end >= next.End:
		for ; next != nil && next.End <= end; next = vma.next {
			vma.importAnonVMA(t, next)
			mm.removeNext(t, vma, next)
			if next.File != nil {
				next.File.Put(t)
			}
		}
		if start == vma.Start && end == vma.End {
			vma.trace(t, "vma_change", start) // otherwise resize emits the event
		}
	case end > next.Start:
		vma.importAnonVMA(t, next)
		sim.BugOn(t, differentAnonVMAs(vma, next), "vma_adjust", "pages would move between VMAs with different anon_vmas")
		mm.moveStart(t, next, end)
	case end < vma.End:
		next.importAnonVMA(t, vma)
		sim.BugOn(t, differentAnonVMAs(vma, next), "vma_adjust", "pages would move between VMAs with different anon_vmas")
		mm.resize(t, vma, start, end) // before next grows, so that the two never overlap
		mm.moveStart(t, next, end)
	}
	mm.resize(t, vma, start, end)
	vma.Pgoff = pgoff
}

// splitHugePageAddress splits the huge page, if any, that has addr inside: a bound of a
// VMA must not lie inside a huge page. mmap_lock must be held for writing. It recreates
// split_huge_page_address.
func (mm *MM) splitHugePageAddress(t *sim.Task, addr uint64) {
	if addr&^PMDMask == 0 {
		return
	}
	i := pgtable.PMD.Index(addr)
	if pmd := mm.pmdTable(t, addr); pmd != nil && pmd.PeekHeld(t, i).Huge() {
		mm.splitHugePMD(t, pmd, i)
	}
}

// differentAnonVMAs reports whether both VMAs have an anon_vma, and different ones.
func differentAnonVMAs(a, b *VMA) bool {
	x, y := a.anon.Peek(), b.anon.Peek()
	return x != nil && y != nil && x != y
}

// moveStart moves the VMA's start and adjusts Pgoff, so that each address keeps its page.
func (mm *MM) moveStart(t *sim.Task, vma *VMA, start uint64) {
	vma.Pgoff += uint64(int64(start-vma.Start) >> PageShift)
	mm.resize(t, vma, start, vma.End)
}
