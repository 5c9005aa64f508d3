package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// GetUserPage makes the page at addr present for a kernel user that cannot drop
// mmap_lock (ptrace, futex), and reads or writes nothing. mmap_lock must be held
// for reading and still is afterwards. A userfault is EFAULT here: there is no way
// to wait for it. It recreates get_user_pages for one page (§17.4).
func (mm *MM) GetUserPage(t *sim.Task, addr uint64, write bool) error {
	_, err := mm.faultin(t, addr, write, 0)
	return err
}

// GetUserPageNowait is the attempt that must neither sleep nor drop mmap_lock
// (FOLL_NOWAIT, as KVM's asynchronous page faults use it). It returns EBUSY if the
// page has to be waited for: "no pages" in the kernel. mmap_lock must be held for
// reading and still is afterwards.
func (mm *MM) GetUserPageNowait(t *sim.Task, addr uint64, write bool) error {
	retry, err := mm.faultin(t, addr, write, FaultAllowRetry|FaultRetryNowait)
	if retry {
		return errno.EBUSY
	}
	return err
}

// GetUserPagesUnlocked makes n pages from addr on present, for a kernel user that
// lets the fault drop mmap_lock: get_user_pages_unlocked. A page that a userfault
// slept for is tried once more without leave to sleep. It returns the number of
// pages that came before an error; the error is nil if there is any. No lock may be
// held.
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

// faultin makes one page present of which the VMA allows that kind of use: find_extend_vma,
// check_vma_flags and faultin_page. retry says that the fault asked for one, and then
// mmap_lock is not held any more, unless flags had FaultRetryNowait.
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

// faultinPage is faultin in a VMA that has been checked.
func (mm *MM) faultinPage(t *sim.Task, vma *VMA, addr uint64, write bool, flags FaultFlags) (retry bool, err error) {
	if write {
		flags |= FaultWrite
	}
	if mm.Facts.InterruptibleFaults && flags&(FaultAllowRetry|FaultRetryNowait) == FaultAllowRetry {
		flags |= FaultKillable
	}
	for {
		if t.FatalSignalPending() { // even if the page is there
			return false, errno.ERESTARTSYS
		}
		if mm.present(t, addr, write) {
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

// present reports whether an access would find the page: follow_page.
func (mm *MM) present(t *sim.Task, addr uint64, write bool) bool {
	pmd := mm.pmdTable(addr)
	if pmd == nil {
		return false
	}
	if entry := pmd.Peek(pgtable.PMD.Index(addr)); entry.Huge() {
		return entry.Allows(write)
	}
	pte := mm.pteTable(addr)
	return pte != nil && pte.Load(t, pgtable.PTE.Index(addr)).Allows(write)
}

// gupFlags are the FOLL_ flags of get_user_pages.
type gupFlags uint8

const (
	follWrite        gupFlags = 1 << iota // the pages are to be written to
	follForce                             // reading needs no right to read
	follUnlockable                        // a fault may drop mmap_lock, and sleep
	follMadvPopulate                      // errors are those of MADV_POPULATE_READ and _WRITE
)

// Populate makes the pages of [start, end) present: __mm_populate, which mmap and mremap use
// for locked memory. It ignores errors: where a page cannot be had, it goes on with the next
// VMA. After a sleep it asks for the page again, as often as it takes. No lock may be held.
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
// populate_vma_page_range. It faults for a write where a write would copy the page, and else for
// a read, which needs any right to the memory, not that to read. mmap_lock must be held. If locked is
// nil, it is held for reading or writing and stays so: a fault may not sleep then. Otherwise it is
// held for reading, and *locked is false afterwards if it has been dropped. The results are those of
// getUserPages; memory without any right is EFAULT.
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

// faultinPageRange makes the pages of [start, end), which may be of several VMAs, present for reads
// or writes: faultin_page_range. mmap_lock must be held for reading; *locked is false afterwards if it
// has been dropped. The results are those of getUserPages with follMadvPopulate. (The kernel's
// asks for a page that it has slept for once more by itself; here the caller does.)
func (mm *MM) faultinPageRange(t *sim.Task, start, end uint64, write bool, locked *bool) (int, error) {
	flags := follUnlockable | follMadvPopulate
	if write {
		flags |= follWrite
	}
	return mm.getUserPages(t, start, int((end-start)>>PageShift), flags, locked)
}

// getUserPages makes n pages from start on present: __get_user_pages. It stops at the first one that
// cannot be had and returns the number of those before it, or the error if that is 0. mmap_lock must be
// held. With follUnlockable a fault may drop it and sleep, which ends the call with *locked false and
// no error. The errors:
//
//	EFAULT  nothing is mapped, or the VMA does not allow it
//	ENOMEM  with follMadvPopulate: nothing is mapped
//	EINVAL  with follMadvPopulate: the VMA does not allow it
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

// checkVMAFlags returns EFAULT if get_user_pages may not have the VMA's pages: check_vma_flags. A read
// needs the right to read, which for the processor any other right includes.
func checkVMAFlags(vma *VMA, flags gupFlags) error {
	switch {
	case vma.Flags&(VMIO|VMPFNMap) != 0,
		flags&follWrite != 0 && vma.Flags&VMWrite == 0,
		flags&(follWrite|follForce) == 0 && vma.Flags&VMRead == 0:
		return errno.EFAULT
	}
	return nil
}
