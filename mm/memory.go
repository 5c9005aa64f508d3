package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Fault is a page fault on its way down the fault path: struct vm_fault. A task is in one
// at a time, and so its [Thread] keeps the one that it has: it stands for memory on the
// kernel stack, and is valid until the fault returns.
type Fault struct {
	VMA *VMA
	// Address is the one accessed, in bytes, not rounded to the page.
	Address uint64
	Flags   FaultFlags

	// What the walk has found: the PMD table; the PTE table, the index in it and the entry,
	// as it was when it was read without the table's lock.
	pmd   *pgtable.Table
	pte   *pgtable.Table
	index int
	entry pgtable.Entry
}

// HandleMMFault makes the page at addr accessible as flags ask, or says why not.
// mmap_lock must be held for reading; it has been dropped if the result has
// VMFaultRetry (unless flags had FaultRetryNowait). It recreates handle_mm_fault
// (§17.3).
func (mm *MM) HandleMMFault(t *sim.Task, vma *VMA, addr uint64, flags FaultFlags) FaultResult {
	vmf := &Current(t).vmf
	*vmf = Fault{VMA: vma, Address: addr, Flags: flags}
	vmf.pmd = mm.pmdAlloc(t, addr)
	if vmf.pmd == nil {
		return VMFaultOOM
	}
	i := pgtable.PMD.Index(addr)
	if entry := vmf.pmd.Peek(i); entry.None() && mm.hugePageEnabled(vma) {
		if ret := mm.hugeAnonymousPage(t, vmf); ret&VMFaultFallback == 0 {
			return ret
		}
	} else if entry.Huge() {
		if flags&FaultWrite == 0 || entry.Write() {
			return 0
		}
		if ret := mm.hugeWriteFault(t, vmf); ret&VMFaultFallback == 0 {
			return ret
		}
	}
	pte, huge := mm.pteAlloc(t, vmf.pmd, addr)
	if huge {
		return 0 // another task has mapped a huge page meanwhile: the access finds it
	}
	if pte == nil {
		return VMFaultOOM
	}
	vmf.pte, vmf.index = pte, pgtable.PTE.Index(addr)
	return mm.handlePTEFault(t, vmf)
}

// handlePTEFault handles the fault of a small page, by what its entry is: handle_pte_fault.
func (mm *MM) handlePTEFault(t *sim.Task, vmf *Fault) FaultResult {
	vmf.entry = vmf.pte.Load(t, vmf.index)
	switch {
	case vmf.entry.None() && vmf.VMA.Ops != nil:
		return mm.doFault(t, vmf)
	case vmf.entry.None():
		return mm.doAnonymousPage(t, vmf)
	case !vmf.entry.Present():
		// A swap or migration entry: there is no swap here to read it from.
		return VMFaultSIGBUS
	case vmf.Flags&FaultWrite != 0 && !vmf.entry.Write():
		return mm.doWPPage(t, vmf)
	}
	pte, j := vmf.pte, vmf.index
	pte.Lock(t)
	if vmf.entry == pte.PeekHeld(t, j) && !vmf.entry.User() && vmf.VMA.Flags&vmAccess != 0 {
		pte.Set(t, j, vmf.entry|pgtable.User)
	}
	pte.Unlock(t)
	return 0
}

// writable returns the write bit for a page of the VMA, if it has one: maybe_mkwrite.
func writable(vma *VMA) pgtable.Entry {
	if vma.Flags&VMWrite != 0 {
		return pgtable.RW
	}
	return 0
}

// doAnonymousPage fills a missing page of anonymous memory: with the shared zero
// page for a read, with a page of its own for a write. Whether the page is a
// userfault is decided under the table's lock, where "none" is final. It recreates
// do_anonymous_page.
func (mm *MM) doAnonymousPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j := vmf.VMA, vmf.pte, vmf.index
	if vma.Flags&VMShared != 0 {
		return VMFaultSIGBUS // shared memory without an object behind it
	}
	write := vmf.Flags&FaultWrite != 0
	if write {
		// As in the kernel these come first, so that a write that ends as a userfault
		// leaves an anon_vma behind. (The kernel allocates the page here, too. The
		// model asks only whether that would fail, and allocates when it is needed.)
		if vma.anonVMAPrepare(t) != nil || t.ShouldFail("alloc_page") {
			return VMFaultOOM
		}
	}
	pte.Lock(t)
	if !pte.PeekHeld(t, j).None() {
		pte.Unlock(t)
		return 0
	}
	if vma.Flags&VMUffdMissing != 0 {
		pte.Unlock(t)
		return handleUserfault(t, vmf, VMUffdMissing)
	}
	if write {
		setPTE(t, vma, pte, j, mm.memory.AllocZeroed(mm.home), pgtable.Dirty|writable(vma))
	} else {
		setPTE(t, vma, pte, j, mm.memory.Zero(), pgtable.Special)
	}
	pte.Unlock(t)
	return 0
}

// doWPPage handles a write to a page that is mapped read-only in a writable VMA: it
// takes the page over if nothing else shares it, and copies it otherwise. It recreates
// do_wp_page, which never is a userfault before write-protection can be tracked.
func (mm *MM) doWPPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j, old := vmf.VMA, vmf.pte, vmf.index, vmf.entry
	pte.Lock(t)
	same := pte.PeekHeld(t, j) == old
	reuse := same && !old.Special() && (vma.Flags&VMShared != 0 || !pte.Frame(j).Shared())
	if reuse {
		pte.Set(t, j, old|pgtable.Dirty|writable(vma)|pgtable.User)
	}
	pte.Unlock(t)
	if !same || reuse {
		return 0
	}
	return mm.wpPageCopy(t, vmf)
}

// wpPageCopy replaces the page by a copy, if the entry still is as the fault has read it:
// wp_page_copy. Only here, where there is something to allocate, does the VMA get its
// anon_vma, and so a shared mapping never does.
func (mm *MM) wpPageCopy(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j := vmf.VMA, vmf.pte, vmf.index
	if vma.anonVMAPrepare(t) != nil || t.ShouldFail("alloc_page") {
		return VMFaultOOM
	}
	pte.Lock(t)
	if pte.PeekHeld(t, j) == vmf.entry {
		copied := mm.memory.Alloc(mm.home)
		copied.Copy(pte.Frame(j))
		pte.Unmap(t, j)
		setPTE(t, vma, pte, j, copied, pgtable.Dirty|writable(vma))
	}
	pte.Unlock(t)
	return 0
}

// doFault fills a missing page of a mapping that has operations of its own:
// do_fault. A write to a private mapping gets a copy.
func (mm *MM) doFault(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j := vmf.VMA, vmf.pte, vmf.index
	if vma.Ops.Fault == nil {
		return VMFaultSIGBUS
	}
	cow := vmf.Flags&FaultWrite != 0 && vma.Flags&VMShared == 0
	if cow && vma.anonVMAPrepare(t) != nil {
		return VMFaultOOM
	}
	f, err := vma.Ops.Fault(t, vma, vma.Pgoff+(vmf.Address-vma.Start)>>PageShift)
	switch {
	case err == errno.ENOMEM:
		return VMFaultOOM
	case err != nil:
		return VMFaultSIGBUS
	}
	var bits pgtable.Entry
	if vma.Flags&VMShared != 0 {
		bits = pgtable.Dirty | writable(vma)
	}
	if cow {
		from := f
		f = mm.memory.Alloc(mm.home)
		f.Copy(from)
		from.Put()
		bits = pgtable.Dirty | writable(vma)
	}
	pte.Lock(t)
	if !pte.PeekHeld(t, j).None() {
		f.Put()
	} else {
		setPTE(t, vma, pte, j, f, bits)
	}
	pte.Unlock(t)
	return 0
}

// zapPageRange drops every page in [start, end): zap_page_range. mmap_lock must be
// held; for reading is enough, and then faults may fill pages again at once.
func (mm *MM) zapPageRange(t *sim.Task, start, end uint64) {
	mm.pgd.EachPMD(start, end, func(pmd *pgtable.Table, i int, start, end uint64) {
		if pmd.Peek(i).Huge() {
			if end-start == PMDSize && zapHugePMD(t, pmd, i) {
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.Child(i)
		if pte == nil { // another zap under the read lock was faster
			return
		}
		pte.Lock(t)
		for j, n := pgtable.PTE.Index(start), int((end-start)>>PageShift); n > 0 && !pte.Empty(); j, n = j+1, n-1 {
			if !pte.Peek(j).None() {
				pte.Unmap(t, j)
			}
		}
		pte.Unlock(t)
	})
}

// freePgtables frees the page-table pages that the unmapping of [start, end) has
// left empty: free_pgtables. floor and ceiling are the nearest addresses on either
// side that are still mapped; a table that covers any of them stays. mmap_lock must
// be held for writing.
func (mm *MM) freePgtables(t *sim.Task, start, end, floor, ceiling uint64) {
	if start >= end {
		return
	}
	mm.pageTableLock.Lock(t)
	mm.pgd.FreeRange(t, start, end-1, floor, ceiling)
	mm.pageTableLock.Unlock(t)
}

// copyPageRange gives the child the pages of the VMA, shared: copy_page_range. In a
// private mapping both sides lose write access, and the first write copies. Both
// mmap_locks must be held for writing. The error is ENOMEM.
func (mm *MM) copyPageRange(t *sim.Task, child *MM, vma *VMA) (err error) {
	if vma.anon.Peek() == nil && vma.Flags&(VMHugeTLB|VMPFNMap|VMMixedMap) == 0 {
		return nil // faults find all of it again: the zero page, or the object's pages
	}
	cow := vma.Flags&VMShared == 0
	mm.pgd.EachPMD(vma.Start, vma.End, func(pmd *pgtable.Table, i int, start, end uint64) {
		if err != nil {
			return
		}
		if pmd.Peek(i).Huge() {
			err = mm.copyHugePMD(t, child, pmd, i, start)
			return
		}
		err = copyPTEs(t, pmd.Child(i), child, start, int((end-start)>>PageShift), cow)
	})
	return err
}

// copyPTEs copies n entries of a PTE table, from address start on, to the child:
// copy_pte_range.
func copyPTEs(t *sim.Task, src *pgtable.Table, child *MM, start uint64, n int, cow bool) error {
	if src.Empty() {
		return nil
	}
	dst, _ := child.pteAlloc(t, child.pmdAlloc(t, start), start)
	if dst == nil {
		return errno.ENOMEM
	}
	src.Lock(t)
	dst.LockNested(t)
	for j := pgtable.PTE.Index(start); n > 0; j, n = j+1, n-1 {
		entry := src.Peek(j)
		if entry.None() {
			continue
		}
		if cow && entry.Write() {
			entry &^= pgtable.RW
			src.Set(t, j, entry)
		}
		f := src.Frame(j)
		if f != nil && !entry.Special() {
			f.Get()
		}
		dst.Map(t, j, f, entry)
	}
	dst.Unlock(t)
	src.Unlock(t)
	return nil
}
