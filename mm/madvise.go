package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// advice is the effect of an advice on a VMA.
type advice struct {
	set, clear VMFlags
	// refuse are the flags of a VMA for which the advice is EINVAL.
	refuse VMFlags
	// read: the advice changes no VMA, so that holding mmap_lock for reading suffices.
	read bool
	// populate: the advice makes pages present.
	populate bool
}

// noTHP are the flags of a VMA that cannot have transparent huge pages: VM_NO_THP.
const noTHP = VMSpecial | VMHugeTLB | VMShared | VMMayShare

// advices maps each supported advice to its effect: madvise_behavior_valid,
// madvise_need_mmap_write and the switch of madvise_behavior. VMHugePage and VMNoHugePage
// in refuse apply to 4.3 only: see [Facts.HugeAdviceTwice].
var advices = map[Advice]advice{
	MadvNormal:     {clear: VMRandRead | VMSeqRead},
	MadvRandom:     {set: VMRandRead, clear: VMSeqRead},
	MadvSequential: {set: VMSeqRead, clear: VMRandRead},
	MadvWillNeed:   {read: true}, // reading ahead has no visible effect
	MadvDontNeed:   {read: true, refuse: VMLocked | VMHugeTLB | VMPFNMap},
	MadvDontFork:   {set: VMDontCopy},
	MadvDoFork:     {clear: VMDontCopy, refuse: VMIO},
	MadvHugePage:   {set: VMHugePage, clear: VMNoHugePage, refuse: VMHugePage | noTHP},
	MadvNoHugePage: {set: VMNoHugePage, clear: VMHugePage, refuse: VMNoHugePage | noTHP},
	MadvDontDump:   {set: VMDontDump},
	MadvDoDump:     {clear: VMDontDump, refuse: VMSpecial},

	MadvPopulateRead:  {read: true, populate: true},
	MadvPopulateWrite: {read: true, populate: true},
}

// Madvise applies advice to [start, start+length). It skips unmapped parts and then
// returns ENOMEM. MadvDontNeed drops the pages, with mmap_lock held for reading: the next
// access to a registered page is a userfault again (§17.7). MadvPopulateRead and
// MadvPopulateWrite make the pages present, and may sleep in a userfault. No lock may be
// held. It recreates madvise; the errors:
//
//	EINVAL  unknown advice, start is not page aligned, the range wraps around, or the VMA
//	        does not allow the advice
//	ENOMEM  a part is not mapped
//	EAGAIN  a VMA could not be split
//	        the errors of madvisePopulate
func (mm *MM) Madvise(t *sim.Task, start, length uint64, behavior Advice) error {
	a, ok := advices[behavior]
	if !ok {
		behavior.unmodelled(t)
	}
	end := start + PageAlign(length)
	switch {
	case !ok, a.populate && mm.Facts.Populate == PopulateUnknown, start&^PageMask != 0, length != 0 && PageAlign(length) == 0, end < start:
		return errno.EINVAL
	case start == end:
		return nil
	}
	if a.read {
		mm.MmapLock.DownRead(t)
	} else {
		mm.MmapLock.DownWrite(t)
	}
	var err error
	if a.populate && mm.Facts.Populate == PopulateStopsAtHole {
		err = mm.madvisePopulate(t, start, end, behavior)
	} else {
		err = mm.madviseWalk(t, start, end, behavior, a)
	}
	if a.read {
		mm.MmapLock.UpRead(t)
	} else {
		mm.MmapLock.UpWrite(t)
	}
	return err
}

// madviseWalk applies the advice to every VMA in [start, end), which is not empty: the
// loop of madvise. mmap_lock must be held, for writing unless a.read is set. The errors
// are those of Madvise.
func (mm *MM) madviseWalk(t *sim.Task, start, end uint64, behavior Advice, a advice) error {
	var unmapped error
	vma, prev := mm.FindVMAPrev(t, start)
	if vma != nil && start > vma.Start {
		prev = vma
	}
	for vma != nil {
		if start < vma.Start {
			unmapped = errno.ENOMEM
			if start = vma.Start; start >= end {
				return unmapped
			}
		}
		partEnd := min(vma.End, end)
		var err error
		if prev, err = mm.madviseVMA(t, vma, prev, start, partEnd, behavior, a); err != nil {
			return err
		}
		if start = partEnd; prev != nil {
			start = max(start, prev.End) // a merge may have extended the VMA past the part
		}
		if start >= end {
			return unmapped
		}
		if prev != nil {
			vma = prev.next
		} else {
			vma = mm.FindVMA(t, start)
		}
	}
	return errno.ENOMEM
}

// madviseVMA applies the advice to [start, end), a part of the VMA: madvise_vma. It
// returns the VMA that the part is in afterwards, nil if it may have dropped mmap_lock in
// between. mmap_lock must be held, for writing unless a.read is set. The errors are
// EINVAL, EAGAIN and those of madvisePopulate.
func (mm *MM) madviseVMA(t *sim.Task, vma, prev *VMA, start, end uint64, behavior Advice, a advice) (*VMA, error) {
	if a.populate {
		return nil, mm.madvisePopulate(t, start, end, behavior)
	}
	refuse := a.refuse
	if mm.Facts.HugeAdviceTwice {
		refuse &^= VMHugePage | VMNoHugePage
	}
	if vma.Flags&refuse != 0 {
		return nil, errno.EINVAL
	}
	if behavior == MadvDontNeed {
		if vma.Userfault != nil {
			vma.Userfault.Remove(t)
		}
		mm.zapPageRange(t, start, end)
	}
	flags := vma.Flags&^a.clear | a.set
	if flags == vma.Flags {
		return vma, nil
	}
	vma, err := mm.setFlags(t, vma, prev, start, end, flags)
	if err != nil {
		return nil, errno.EAGAIN // before 4.12, at the limit on the number of VMAs, too
	}
	return vma, nil
}

// madvisePopulate makes the pages of [start, end), which is not empty, present for reads,
// or for writes with MadvPopulateWrite. mmap_lock must be held for reading, and is held
// afterwards, but a fault that sleeps drops it in between. It recreates madvise_populate
// (5.14); the errors:
//
//	ENOMEM  an address is not mapped, or an allocation failed
//	EINVAL  the VMA does not allow the access
//	EFAULT  a fault ended with SIGBUS or SIGSEGV
//	EINTR   a fatal signal is pending
func (mm *MM) madvisePopulate(t *sim.Task, start, end uint64, behavior Advice) error {
	for start < end {
		locked := true
		n, err := mm.faultinPageRange(t, start, end, behavior == MadvPopulateWrite, &locked)
		if !locked {
			mm.MmapLock.DownRead(t)
		}
		switch err {
		case nil:
			start += uint64(n) * PageSize
		case errno.ERESTARTSYS:
			return errno.EINTR
		default:
			return err
		}
	}
	return nil
}
