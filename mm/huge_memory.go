package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// transparentHugepageEnabled reports whether a fault on a missing page of the VMA may map
// a huge page: transparent_hugepage_enabled. mmap_lock must be held.
func (mm *MM) transparentHugepageEnabled(vma *VMA) bool {
	switch {
	case !vma.IsAnonymous() || vma.Flags&(VMNoHugePage|VMSpecial) != 0:
		return false
	case mm.THP == THPAlways:
		return true
	}
	return mm.THP == THPMadvise && vma.Flags&VMHugePage != 0
}

// doHugePMDAnonymousPage handles a fault on a PMD entry that is none by mapping a huge
// page: do_huge_pmd_anonymous_page. It returns VMFaultFallback if it cannot, and the
// caller must map a small page then. Whether the entry is none, and so whether this is a
// userfault, is decided under the lock of the PMD table. mmap_lock must be held for
// reading.
func (mm *MM) doHugePMDAnonymousPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pmd := vmf.VMA, vmf.pmd
	base := vmf.Address & PMDMask
	if base < vma.Start || base+PMDSize > vma.End {
		return VMFaultFallback
	}
	// Unlike the read of a small page, a read prepares the anon_vma here, even if the
	// fault ends as a userfault (§17.3).
	if vma.anonVMAPrepare(t) != nil {
		return VMFaultOOM
	}
	write := vmf.Flags&FaultWrite != 0
	if write && t.ShouldFail("alloc_hugepage") {
		return VMFaultFallback
	}
	i := pgtable.PMD.Index(vmf.Address)
	pmd.Lock(t)
	if !pmd.PeekHeld(t, i).None() {
		pmd.Unlock(t)
		return 0
	}
	if vma.Flags&VMUffdMissing != 0 {
		pmd.Unlock(t)
		return handleUserfault(t, vmf, VMUffdMissing)
	}
	deposit := mm.newTable(t, pgtable.PTE, vmf.Address)
	bits := pgtable.Present | pgtable.User | pgtable.Accessed | pgtable.Huge
	frames := deposit.Frames()
	if write {
		block := mm.memory.AllocHuge(mm.home)
		for j := range frames {
			frames[j] = &block[j]
		}
		bits |= pgtable.Dirty | maybeMkwrite(vma)
	} else {
		for j := range frames {
			frames[j] = mm.memory.Zero()
		}
		bits |= pgtable.Special
	}
	pmd.SetHuge(t, i, deposit, bits)
	pmd.Unlock(t)
	return 0
}

// doHugePMDWPPage handles a write to a huge page that is mapped read-only:
// do_huge_pmd_wp_page. A page that is not shared becomes writable. Any other is split,
// and VMFaultFallback tells the caller to copy one small page. mmap_lock must be held for
// reading.
func (mm *MM) doHugePMDWPPage(t *sim.Task, vmf *Fault) FaultResult {
	pmd, i := vmf.pmd, pgtable.PMD.Index(vmf.Address)
	pmd.Lock(t)
	entry := pmd.PeekHeld(t, i)
	if !entry.Huge() || entry.Write() {
		pmd.Unlock(t)
		return 0
	}
	if !entry.Special() && !pmd.Behind(i).AnyShared(t) {
		pmd.Set(t, i, entry|pgtable.Dirty|maybeMkwrite(vmf.VMA))
		pmd.Unlock(t)
		return 0
	}
	pmd.Unlock(t)
	mm.splitHugePMD(t, pmd, i)
	return VMFaultFallback
}

// splitHugePMD replaces a huge page by 512 small pages with the same frames and access
// rights: split_huge_page_pmd. mmap_lock must be held.
func (mm *MM) splitHugePMD(t *sim.Task, pmd *pgtable.Table, i int) {
	pmd.Lock(t)
	if pmd.PeekHeld(t, i).Huge() { // another task may have split or dropped it
		pmd.SplitHuge(t, i)
	}
	pmd.Unlock(t)
}

// zapHugePMD drops a huge page: zap_huge_pmd. It reports false if the entry no longer
// maps one. mmap_lock must be held.
func zapHugePMD(t *sim.Task, pmd *pgtable.Table, i int) bool {
	pmd.Lock(t)
	if !pmd.PeekHeld(t, i).Huge() {
		pmd.Unlock(t)
		return false
	}
	pmd.ClearHuge(t, i)
	pmd.Unlock(t)
	return true
}

// copyHugePMD maps a huge page in the child, too, read-only on both sides: copy_huge_pmd.
// Both mmap_locks must be held for writing. The error is ENOMEM.
func (mm *MM) copyHugePMD(t *sim.Task, child *MM, pmd *pgtable.Table, i int, addr uint64) error {
	dst := child.pmdAlloc(t, addr)
	if dst == nil {
		return errno.ENOMEM
	}
	pmd.Lock(t)
	dst.LockNested(t)
	entry := pmd.PeekHeld(t, i) &^ pgtable.RW
	pmd.Set(t, i, entry)
	deposit := child.newTable(t, pgtable.PTE, addr)
	*deposit.Frames() = *pmd.Behind(i).Frames()
	if !entry.Special() {
		page.Share(t, child, addr, deposit.Frames()[:]...)
		page.GetHuge(t, deposit.Frames())
	}
	dst.SetHuge(t, i, deposit, entry.Bits())
	dst.Unlock(t)
	pmd.Unlock(t)
	return nil
}
