package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// advice says what a piece of advice does to a VMA.
type advice struct {
	set, clear VMFlags
	// refuse are the flags with which the advice is EINVAL.
	refuse VMFlags
	// read says that the VMAs stay as they are: mmap_lock is held for reading.
	read bool
	// populate says that pages are faulted in.
	populate bool
}

// noTHP is what keeps huge pages out of a VMA: VM_NO_THP.
const noTHP = VMSpecial | VMHugeTLB | VMShared | VMMayShare

// advices is everything that madvise knows: madvise_behavior_valid,
// madvise_need_mmap_write and the switch of madvise_behavior. Huge-page advice
// given twice is refused only here: see [Facts.HugeAdviceTwice].
var advices = map[Advice]advice{
	MadvNormal:     {clear: VMRandRead | VMSeqRead},
	MadvRandom:     {set: VMRandRead, clear: VMSeqRead},
	MadvSequential: {set: VMSeqRead, clear: VMRandRead},
	MadvWillNeed:   {read: true}, // reads ahead, of which there is nothing to see
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

// Madvise gives advice about [start, start+length). Where nothing is mapped it does
// the rest and then returns ENOMEM. MadvDontNeed drops the pages, with mmap_lock held
// for reading only: the next touch of a registered page is a userfault again (§17.7).
// MadvPopulateRead and MadvPopulateWrite fault the pages in, and may sleep in a userfault.
// No lock may be held. The errors are EINVAL (unknown advice, unaligned start, a range
// that wraps around, a VMA that the advice is not for), ENOMEM (a hole), EAGAIN (a
// split failed) and those of madvisePopulate. It recreates madvise.
func (mm *MM) Madvise(t *sim.Task, start, length uint64, behavior Advice) error {
	a, ok := advices[behavior]
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

// madviseWalk gives the advice to every VMA in [start, end), which is not empty.
// mmap_lock must be held, for writing unless the advice says otherwise.
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
			start = max(start, prev.End) // a merge may have gone beyond the part
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

// madviseVMA gives the advice to [start, end), a part of the VMA, and returns the VMA
// that it is in afterwards, nil if mmap_lock was dropped in between: madvise_vma.
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
		mm.zapPageRange(t, start, end)
	}
	flags := vma.Flags&^a.clear | a.set
	if flags == vma.Flags {
		return vma, nil
	}
	vma, err := mm.setFlags(t, vma, prev, start, end, flags)
	if err != nil {
		return nil, errno.EAGAIN // what it was called before 4.12
	}
	return vma, nil
}

// madvisePopulate makes the pages of [start, end), which is not empty, present for reads or writes.
// mmap_lock must be held for reading; a fault that sleeps drops it for a while. It recreates
// madvise_populate; the errors:
//
//	ENOMEM  nothing is mapped there, or no memory
//	EINVAL  the VMA does not allow it
//	EFAULT  a page cannot be had: an access would end with SIGBUS or SIGSEGV
//	EINTR   the task is dying
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
