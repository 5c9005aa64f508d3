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
