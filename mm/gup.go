package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// GetUserPage makes the page at addr present, for a caller in the kernel that cannot drop
// mmap_lock (ptrace, futex). It does not access the page. mmap_lock must be held for
// reading and stays held. A userfault is EFAULT, because the fault may not sleep; the
// other errors are those of faultinPage. It recreates get_user_pages for one page
// (§17.4).
func (mm *MM) GetUserPage(t *sim.Task, addr uint64, write bool) error {
	_, err := mm.faultin(t, addr, write, 0)
	return err
}

// GetUserPageNowait is [MM.GetUserPage] for a caller that tries again later: FOLL_NOWAIT,
// as KVM's asynchronous page faults use it. It returns EBUSY if the fault would have to
// sleep; the kernel returns 0 pages then. mmap_lock must be held for reading and stays
// held.
func (mm *MM) GetUserPageNowait(t *sim.Task, addr uint64, write bool) error {
	retry, err := mm.faultin(t, addr, write, FaultAllowRetry|FaultRetryNowait)
	if retry {
		return errno.EBUSY
	}
	return err
}

// GetUserPagesUnlocked makes n pages from addr on present, and lets a fault drop
// mmap_lock and sleep: get_user_pages_unlocked (§17.4). After a sleep it tries the page
// once more, and that fault may not sleep. It returns the number of pages made present
// before the first error, and the error only if that number is 0. No lock may be held.
func (mm *MM) GetUserPagesUnlocked(t *sim.Task, addr uint64, n int, write bool) (int, error) {
	mm.MmapLock.DownRead(t)
	for done := 0; done < n; done, addr = done+1, addr+PageSize {
		retry, err := mm.faultin(t, addr, write, FaultAllowRetry)
		if retry {
			mm.MmapLock.DownRead(t)
			if retry, err = mm.faultin(t, addr, write, FaultTried); retry {
				sim.BugOn(t, true, "get_user_pages_unlocked", "a retry that was not allowed")
			}
		}
		if err != nil {
			mm.MmapLock.UpRead(t)
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
	}
	mm.MmapLock.UpRead(t)
	return n, nil
}

// faultin finds the VMA of addr, checks that it allows the access and makes the page
// present: find_extend_vma, check_vma_flags and faultin_page. mmap_lock must be held for
// reading. retry means that the fault asked for a retry; unless flags have
// FaultRetryNowait, mmap_lock is no longer held then. The errors are EFAULT (nothing is
// mapped, or the VMA does not allow the access) and those of faultinPage.
func (mm *MM) faultin(t *sim.Task, addr uint64, write bool, flags FaultFlags) (retry bool, err error) {
	vma := mm.FindVMA(t, addr)
	gup := gupFlags(0)
	if write {
		gup = follWrite
	}
	if vma == nil || vma.Start > addr || checkVMAFlags(vma, gup) != nil {
		return false, errno.EFAULT
	}
	return mm.faultinPage(t, vma, addr, write, flags)
}

// faultinPage is faultin for a VMA that was checked: faultin_page. The errors are ENOMEM,
// EFAULT (the fault ended with SIGBUS or SIGSEGV) and ERESTARTSYS (a fatal signal is
// pending).
func (mm *MM) faultinPage(t *sim.Task, vma *VMA, addr uint64, write bool, flags FaultFlags) (retry bool, err error) {
	if write {
		flags |= FaultWrite
	}
	if mm.Facts.InterruptibleFaults && flags&(FaultAllowRetry|FaultRetryNowait) == FaultAllowRetry {
		flags |= FaultKillable
	}
	for {
		if t.FatalSignalPending() { // checked even if the page is present
			return false, errno.ERESTARTSYS
		}
		if mm.followPage(t, addr, write) {
			return false, nil
		}
		ret := mm.HandleMMFault(t, vma, addr, flags)
		switch {
		case ret&VMFaultOOM != 0:
			return false, errno.ENOMEM
		case ret&(VMFaultSIGBUS|VMFaultSIGSEGV) != 0:
			return false, errno.EFAULT
		case ret&VMFaultRetry != 0:
			return true, nil
		}
	}
}

// followPage reports whether the page is mapped and allows the access: follow_page.
// mmap_lock must be held.
func (mm *MM) followPage(t *sim.Task, addr uint64, write bool) bool {
	pmd := mm.pmdTable(t, addr)
	if pmd == nil {
		return false
	}
	if entry := pmd.PeekHeld(t, pgtable.PMD.Index(addr)); entry.Huge() {
		return entry.Allows(write)
	}
	pte := mm.pteTable(t, addr)
	return pte != nil && pte.Load(t, pgtable.PTE.Index(addr)).Allows(write)
}

// gupFlags are the FOLL_ flags of get_user_pages.
type gupFlags uint8

const (
	follWrite        gupFlags = 1 << iota // the caller will write to the pages
	follForce                             // the VMA need not allow reads
	follUnlockable                        // a fault may drop mmap_lock, and sleep
	follMadvPopulate                      // return the errors of MADV_POPULATE_(READ|WRITE)
)

// Populate makes the pages of [start, end) present: __mm_populate, which mmap and mremap
// use for locked memory. It returns no error: at a page that it cannot make present it
// skips the rest of the VMA. After a sleep it tries the page again, any number of times.
// No lock may be held.
func (mm *MM) Populate(t *sim.Task, start, end uint64) {
	locked := false
	var vma *VMA
	for next := start; start < end; start = next {
		if !locked {
			locked = true
			mm.MmapLock.DownRead(t)
			vma = mm.FindVMA(t, start)
		} else if start >= vma.End {
			vma = mm.FindVMA(t, vma.End)
		}
		if vma == nil || vma.Start >= end {
			break
		}
		next = min(end, vma.End)
		if vma.Flags&(VMIO|VMPFNMap) != 0 {
			continue
		}
		start = max(start, vma.Start)
		n, err := mm.populateVMAPageRange(t, vma, start, next, &locked)
		if err == nil {
			next = start + uint64(n)*PageSize
		}
	}
	if locked {
		mm.MmapLock.UpRead(t)
	}
}

// populateVMAPageRange makes the pages of [start, end), a part of the VMA, present:
// populate_vma_page_range. It makes write faults in private writable memory, so that a
// later write need not copy the page, and read faults elsewhere, even if the VMA only
// allows writing or executing. The results are those of getUserPages; memory that allows
// no access is EFAULT.
//
// mmap_lock must be held. If locked is nil, it may be held for writing, and stays held: a
// fault may not sleep then. Otherwise it must be held for reading, and *locked is set to
// false if a fault has dropped it.
func (mm *MM) populateVMAPageRange(t *sim.Task, vma *VMA, start, end uint64, locked *bool) (int, error) {
	if vma.Flags&vmAccess == 0 {
		return 0, errno.EFAULT
	}
	flags := follForce
	if vma.Flags&(VMWrite|VMShared) == VMWrite {
		flags = follWrite
	}
	if locked != nil {
		flags |= follUnlockable
	}
	return mm.getUserPages(t, start, int((end-start)>>PageShift), flags, locked)
}

// faultinPageRange makes the pages of [start, end) present for reads or writes; the range
// may span several VMAs. mmap_lock must be held for reading; *locked is set to false if a
// fault has dropped it. The results are those of getUserPages with follMadvPopulate. It
// recreates faultin_page_range of 6.10, except that after a sleep the caller tries the
// page again.
func (mm *MM) faultinPageRange(t *sim.Task, start, end uint64, write bool, locked *bool) (int, error) {
	flags := follUnlockable | follMadvPopulate
	if write {
		flags |= follWrite
	}
	return mm.getUserPages(t, start, int((end-start)>>PageShift), flags, locked)
}

// getUserPages makes n pages from start on present: __get_user_pages. It returns the
// number of pages made present before the first error, and the error only if that number
// is 0. mmap_lock must be held. With follUnlockable a fault may drop it and sleep; the
// call then ends without an error, with *locked set to false. The errors:
//
//	EFAULT  nothing is mapped, or the VMA does not allow the access
//	ENOMEM  with follMadvPopulate: nothing is mapped
//	EINVAL  with follMadvPopulate: the VMA does not allow the access
//	        the errors of faultinPage
func (mm *MM) getUserPages(t *sim.Task, start uint64, n int, flags gupFlags, locked *bool) (int, error) {
	fault := FaultFlags(0)
	if flags&follUnlockable != 0 {
		fault = FaultAllowRetry
	}
	hole, refused := errno.EFAULT, errno.EFAULT
	if flags&follMadvPopulate != 0 {
		hole, refused = errno.ENOMEM, errno.EINVAL
	}
	var vma *VMA
	for done := range n {
		var retry bool
		var err error
		if vma == nil || start >= vma.End {
			vma = mm.FindVMA(t, start)
			switch {
			case vma == nil || vma.Start > start:
				err = hole
			case checkVMAFlags(vma, flags) != nil:
				err = refused
			}
		}
		if err == nil {
			retry, err = mm.faultinPage(t, vma, start, flags&follWrite != 0, fault)
		}
		switch {
		case retry:
			*locked = false
			return done, nil
		case err != nil && done > 0:
			return done, nil
		case err != nil:
			return 0, err
		}
		start += PageSize
	}
	return n, nil
}

// checkVMAFlags returns EFAULT if the VMA does not allow get_user_pages with the flags:
// check_vma_flags. A read needs VMRead unless follForce is set; for the processor, a VMA
// that allows any access also allows reads.
func checkVMAFlags(vma *VMA, flags gupFlags) error {
	switch {
	case vma.Flags&(VMIO|VMPFNMap) != 0,
		flags&follWrite != 0 && vma.Flags&VMWrite == 0,
		flags&(follWrite|follForce) == 0 && vma.Flags&VMRead == 0:
		return errno.EFAULT
	}
	return nil
}
