package mm

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Attributes are what a range of memory has in common with a neighbour that it can
// become one VMA with.
type Attributes struct {
	Flags     VMFlags
	AnonVMA   *AnonVMA
	File      *vfs.File
	Pgoff     uint64 // of the range's first page
	Policy    *MemPolicy
	Userfault Userfault
}

// Attributes are the VMA's own. For a range that begins further up in the VMA the
// caller has to advance Pgoff. mmap_lock must be held.
func (v *VMA) Attributes() Attributes {
	return Attributes{
		Flags: v.Flags, AnonVMA: v.anon.Peek(), File: v.File, Pgoff: v.Pgoff,
		Policy: v.Policy, Userfault: v.Userfault,
	}
}

// attributesAt are the VMA's as seen from addr in it.
func (v *VMA) attributesAt(addr uint64) Attributes {
	a := v.Attributes()
	a.Pgoff += (addr - v.Start) >> PageShift
	return a
}

// VMAMerge merges [addr, end), which has or is about to have the attributes, with the
// VMA before it, the one behind it, or both. It returns the VMA that covers the range
// afterwards, or nil: no merge.
//
// The range is either unmapped (mmap, mremap) or part of one VMA whose attributes are
// about to change (mprotect, madvise, userfaultfd): then it lies in prev behind prev's
// start, or it begins where the VMA after prev does. prev is nil if nothing is mapped
// below. In case 8 the VMA returned still has its OLD flags and userfault context:
// whoever changes them has to store them.
//
// Nothing is merged either if the allocation that the kernel may need fails. The
// limit on the number of VMAs does not count: there are not more of them afterwards.
// mmap_lock must be held for writing. It recreates vma_merge (§17.5).
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

// merge is what vma_merge has decided to do.
type merge struct {
	number int  // the case, 0 for none
	vma    *VMA // gets the bounds and the pgoff below; vma_adjust does the rest
	start  uint64
	end    uint64
	pgoff  uint64
	result *VMA // covers the range afterwards
}

// bounds are those of the result after the merge.
func (m *merge) bounds() string {
	if m.vma != m.result { // case 4
		return rangeString(m.end, m.result.End)
	}
	return rangeString(m.start, m.end)
}

// decideMerge decides which of the eight cases [addr, end) is, between prev (nil: no
// VMA below) and area, the VMA after prev (nil: none). In the pictures AAAA is the
// range, P is prev, N the VMA behind the range, and X the VMA of which the range is
// part, or the whole, already.
//
//	mmap, mremap: the range is a hole
//
//	    AAAA            AAAA            AAAA
//	PPPP    NNNN    PPPP    NNNN    PPPP    NNNN
//	PPPPPPPPPPPP    PPPPPPPPNNNN    PPPPNNNNNNNN
//	   case 1          case 2          case 3
//
//	mprotect and its like: the range is mapped
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
// In case 8 N is the one with the right attributes, but X is the one that stays.
func decideMerge(prev, area *VMA, addr, end uint64, a *Attributes) merge {
	if a.Flags&VMSpecial != 0 {
		return merge{}
	}
	next := area
	swallowed := area != nil && area.End == end // cases 6, 7 and 8
	if swallowed {
		next = area.next
	}
	pages := (end - addr) >> PageShift
	joinsPrev := prev != nil && prev.End == addr && a.canMergeAfter(prev)
	joinsNext := next != nil && next.Start == end && a.canMergeBefore(next, pages)
	switch {
	case joinsPrev && joinsNext && mergeableAnonVMA(prev.anon.Peek(), next.anon.Peek()):
		m := merge{1, prev, prev.Start, next.End, prev.Pgoff, prev}
		if swallowed {
			m.number = 6
		}
		return m
	case joinsPrev:
		m := merge{2, prev, prev.Start, end, prev.Pgoff, prev}
		if swallowed {
			m.number = 7
		} else if area != nil && area.Start < end {
			m.number = 5
		}
		return m
	case joinsNext && prev != nil && addr < prev.End:
		return merge{4, prev, prev.Start, addr, prev.Pgoff, area}
	case joinsNext:
		m := merge{3, area, addr, next.End, next.Pgoff - pages, area}
		if swallowed {
			m.number = 8
		}
		return m
	}
	return merge{}
}

// canMergeAfter reports whether a range with the attributes that begins where the VMA
// ends could be part of it: can_vma_merge_after.
func (a *Attributes) canMergeAfter(v *VMA) bool {
	return a.sameKind(v) && a.anonVMAFits(v) && v.Pgoff+v.Pages() == a.Pgoff
}

// canMergeBefore reports whether a range of so many pages with the attributes that
// ends where the VMA begins could be part of it: can_vma_merge_before.
func (a *Attributes) canMergeBefore(v *VMA, pages uint64) bool {
	return a.sameKind(v) && a.anonVMAFits(v) && v.Pgoff == a.Pgoff+pages
}

// sameKind reports whether the VMA is of the kind that the attributes describe:
// is_mergeable_vma, and mpol_equal. Soft-dirty does not count. A VMA whose owner
// wants to hear of its end never is.
func (a *Attributes) sameKind(v *VMA) bool {
	return (v.Flags^a.Flags)&^VMSoftDirty == 0 &&
		v.File == a.File &&
		(v.Ops == nil || v.Ops.Close == nil) &&
		v.Userfault == a.Userfault &&
		mpolEqual(v.Policy, a.Policy)
}

// anonVMAFits reports whether the range's anon_vma and the VMA's can be one:
// is_mergeable_anon_vma with a VMA. One of them may be missing, but only if the VMA's
// chain has exactly one entry. That is not symmetric: an unfaulted range joins a
// faulted VMA that was never forked, a faulted range does not join an unfaulted VMA
// (its chain is empty). Since 6.16 it is symmetric.
func (a *Attributes) anonVMAFits(v *VMA) bool {
	b := v.anon.Peek()
	if v.mm.Facts.AnonVMAMerge == AnonVMAEither && b == nil {
		return a.AnonVMA == nil || a.AnonVMA.singular()
	}
	return a.AnonVMA == b || (a.AnonVMA == nil || b == nil) && b.singular()
}

// mergeableAnonVMA reports whether the VMAs on both sides of a range can become one:
// is_mergeable_anon_vma without a VMA.
func mergeableAnonVMA(a, b *AnonVMA) bool { return a == nil || b == nil || a == b }

// mpolEqual reports whether the policies are the same: mpol_equal.
func mpolEqual(a, b *MemPolicy) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func rangeString(start, end uint64) string { return fmt.Sprintf("[%#x, %#x)", start, end) }

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
