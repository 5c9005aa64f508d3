package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// pgtablesCeiling is above every page-table page that user addresses can have, the
// last of which reaches beyond TaskSize: USER_PGTABLES_CEILING.
const pgtablesCeiling = 1 << 47

// Munmap unmaps [start, start+length), of which parts may not be mapped. No lock may
// be held. Tasks that sleep in a userfault there are not woken. The errors are EINVAL
// and ENOMEM. It recreates munmap (§17.7).
func (mm *MM) Munmap(t *sim.Task, start, length uint64) error {
	mm.MmapLock.DownWrite(t)
	err := mm.doMunmap(t, start, length)
	mm.MmapLock.UpWrite(t)
	return err
}

// doMunmap is Munmap with mmap_lock held for writing: do_munmap.
func (mm *MM) doMunmap(t *sim.Task, start, length uint64) error {
	if start&^PageMask != 0 || start > mm.TaskSize || length > mm.TaskSize-start {
		return errno.EINVAL
	}
	if length = PageAlign(length); length == 0 {
		return errno.EINVAL
	}
	end := start + length
	vma := mm.lookup(start)
	if vma == nil || vma.Start >= end {
		return nil
	}
	// The pointer that mremap has must stay in what remains: a split below makes the
	// new VMA the upper part, one above the lower part.
	prev := vma.prev
	if start > vma.Start {
		// Below the limit the count may rise above it for a moment; a hole in one VMA,
		// though, would leave it there (§17.6).
		if end < vma.End && mm.mapCount >= mm.MaxMapCount {
			return errno.ENOMEM
		}
		if err := mm.splitVMA(t, vma, start, false); err != nil {
			return err
		}
		prev = vma
	}
	if last := mm.lookup(end); last != nil && end > last.Start {
		if err := mm.splitVMA(t, last, end, true); err != nil {
			return err
		}
	}
	first := mm.after(prev)
	next := mm.detach(t, first, end)
	mm.unmapRegion(t, prev, next, start, end)
	mm.removeList(t, first, next)
	return nil
}

// detach takes the VMAs from first on that start below end out of the tree, and
// returns the one behind them. They keep their next pointers, up to that one. It
// recreates detach_vmas_to_be_unmapped.
func (mm *MM) detach(t *sim.Task, first *VMA, end uint64) (next *VMA) {
	for next = first; next != nil && next.Start < end; next = next.next {
		mm.unlink(t, next)
	}
	return next
}

// unmapRegion drops the pages in [start, end), where nothing is mapped any more, and
// the tables that only they needed. prev and next are the VMAs on both sides. It
// recreates unmap_region.
func (mm *MM) unmapRegion(t *sim.Task, prev, next *VMA, start, end uint64) {
	floor, ceiling := uint64(0), uint64(pgtablesCeiling)
	if prev != nil {
		floor = prev.End
	}
	if next != nil {
		ceiling = next.Start
	}
	mm.zapPageRange(t, start, end)
	mm.freePgtables(t, start, end, floor, ceiling)
}

// removeList says goodbye to the detached VMAs from first up to stop, which is not
// one of them: remove_vma_list.
func (mm *MM) removeList(t *sim.Task, first, stop *VMA) {
	for vma := first; vma != stop; vma = vma.next {
		if vma.Ops != nil && vma.Ops.Close != nil {
			vma.Ops.Close(vma)
		}
		if vma.File != nil {
			vma.File.Put(t)
		}
	}
}
