package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Fault is a page fault in progress: struct vm_fault. A task has at most one, which is
// part of its [Thread], where the kernel has it on the stack. It is valid until the fault
// returns.
type Fault struct {
	VMA *VMA
	// Address is the address accessed, not rounded to the page.
	Address uint64
	Flags   FaultFlags

	pmd   *pgtable.Table // covers Address
	pte   *pgtable.Table // covers Address; nil in a fault on a huge page
	index int            // of the entry in pte
	entry pgtable.Entry  // as read without the lock of pte
}

// HandleMMFault resolves the fault of an access to addr, which flags describe. mmap_lock
// must be held for reading. If the result has VMFaultRetry it was dropped, unless flags
// have FaultRetryNowait. It recreates handle_mm_fault (§17.3).
func (mm *MM) HandleMMFault(t *sim.Task, vma *VMA, addr uint64, flags FaultFlags) FaultResult {
	vmf := &Current(t).vmf
	*vmf = Fault{VMA: vma, Address: addr, Flags: flags}
	vmf.pmd = mm.pmdAlloc(t, addr)
	if vmf.pmd == nil {
		return VMFaultOOM
	}
	i := pgtable.PMD.Index(addr)
	if entry := vmf.pmd.PeekHeld(t, i); entry.None() && mm.transparentHugepageEnabled(vma) {
		if ret := mm.doHugePMDAnonymousPage(t, vmf); ret&VMFaultFallback == 0 {
			return ret
		}
	} else if entry.Huge() {
		if flags&FaultWrite == 0 || entry.Write() {
			return 0
		}
		if ret := mm.doHugePMDWPPage(t, vmf); ret&VMFaultFallback == 0 {
			return ret
		}
	}
	pte, huge := mm.pteAlloc(t, vmf.pmd, addr)
	if huge {
		return 0 // another task has just mapped a huge page: repeat the access
	}
	if pte == nil {
		return VMFaultOOM
	}
	vmf.pte, vmf.index = pte, pgtable.PTE.Index(addr)
	return mm.handlePTEFault(t, vmf)
}

// handlePTEFault handles the fault on a small page by the kind of its entry:
// handle_pte_fault. mmap_lock must be held for reading.
func (mm *MM) handlePTEFault(t *sim.Task, vmf *Fault) FaultResult {
	vmf.entry = vmf.pte.Load(t, vmf.index)
	switch {
	case vmf.entry.None() && vmf.VMA.Ops != nil:
		return mm.doFault(t, vmf)
	case vmf.entry.None():
		return mm.doAnonymousPage(t, vmf)
	case !vmf.entry.Present():
		// A swap or migration entry. The model has neither swap nor migration.
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

// maybeMkwrite returns the write bit for an entry of the VMA, 0 if the VMA does not allow
// writes: maybe_mkwrite.
func maybeMkwrite(vma *VMA) pgtable.Entry {
	if vma.Flags&VMWrite != 0 {
		return pgtable.RW
	}
	return 0
}

// doAnonymousPage maps a page at a missing page of anonymous memory: the zero page for a
// read, a new page for a write. Whether this is a userfault is decided under the table's
// lock, because only then the entry cannot change. mmap_lock must be held for reading. It
// recreates do_anonymous_page.
func (mm *MM) doAnonymousPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j := vmf.VMA, vmf.pte, vmf.index
	if vma.Flags&VMShared != 0 {
		return VMFaultSIGBUS // shared memory needs an object to take the page from
	}
	write := vmf.Flags&FaultWrite != 0
	if write {
		// First, as in the kernel: a write that ends as a userfault leaves an anon_vma
		// behind. The kernel also allocates the page here; the model only decides whether
		// that fails, and allocates below.
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
		setPTE(t, vma, pte, j, mm.memory.AllocZeroed(mm.home), pgtable.Dirty|maybeMkwrite(vma))
	} else {
		setPTE(t, vma, pte, j, mm.memory.Zero(), pgtable.Special)
	}
	pte.Unlock(t)
	return 0
}

// doWPPage handles a write to a page that is mapped read-only in a writable VMA:
// do_wp_page. It makes a page writable that is not shared, and copies it otherwise. It
// never raises a userfault, because the model does not support write-protection.
// mmap_lock must be held for reading.
func (mm *MM) doWPPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pte, j, old := vmf.VMA, vmf.pte, vmf.index, vmf.entry
	pte.Lock(t)
	same := pte.PeekHeld(t, j) == old
	reuse := same && !old.Special() && (vma.Flags&VMShared != 0 || !pte.Frame(j).Shared(t))
	if reuse {
		pte.Set(t, j, old|pgtable.Dirty|maybeMkwrite(vma)|pgtable.User)
	}
	pte.Unlock(t)
	if !same || reuse {
		return 0
	}
	return mm.wpPageCopy(t, vmf)
}

// wpPageCopy replaces the page by a copy if the entry has not changed since the fault
// read it: wp_page_copy. It also prepares the VMA's anon_vma. doWPPage calls it for
// private memory only, so a shared mapping never has an anon_vma. mmap_lock must be held
// for reading.
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
		setPTE(t, vma, pte, j, copied, pgtable.Dirty|maybeMkwrite(vma))
	}
	pte.Unlock(t)
	return 0
}

// doFault maps the page that the Fault operation of the VMA returns, or a copy of it for
// a write to a private mapping: do_fault. mmap_lock must be held for reading.
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
		bits = pgtable.Dirty | maybeMkwrite(vma)
	}
	if cow {
		from := f
		f = mm.memory.Alloc(mm.home)
		f.Copy(from)
		from.Put(t)
		bits = pgtable.Dirty | maybeMkwrite(vma)
	}
	pte.Lock(t)
	if !pte.PeekHeld(t, j).None() {
		f.Put(t)
	} else {
		setPTE(t, vma, pte, j, f, bits)
	}
	pte.Unlock(t)
	return 0
}

// zapPageRange drops every page in [start, end): zap_page_range. mmap_lock must be held.
// If it is held for reading only, faults may map new pages before zapPageRange returns.
func (mm *MM) zapPageRange(t *sim.Task, start, end uint64) {
	mm.pgd.EachPMD(t, start, end, func(pmd *pgtable.Table, i int, start, end uint64) {
		if pmd.PeekHeld(t, i).Huge() {
			if end-start == PMDSize && zapHugePMD(t, pmd, i) {
				return
			}
			mm.splitHugePMD(t, pmd, i)
		}
		pte := pmd.Lower(t, i)
		if pte == nil { // another zap, also under the read lock, dropped a huge page here
			return
		}
		pte.Lock(t)
		for j, n := pgtable.PTE.Index(start), int((end-start)>>PageShift); n > 0 && !pte.Empty(t); j, n = j+1, n-1 {
			if !pte.PeekHeld(t, j).None() {
				pte.Unmap(t, j)
			}
		}
		pte.Unlock(t)
	})
}

// freePgtables frees the page tables that were needed for [start, end) only, after it was
// unmapped: free_pgtables. floor is the end of the mapping below and ceiling the start of
// the one above: a table that also covers addresses below floor or from ceiling on stays.
// mmap_lock must be held for writing.
func (mm *MM) freePgtables(t *sim.Task, start, end, floor, ceiling uint64) {
	mm.pageTableLock.Lock(t)
	mm.pgd.FreeRange(t, start, end-1, floor, ceiling)
	mm.pageTableLock.Unlock(t)
}

// copyPageRange maps the pages of the VMA in the child, too: copy_page_range. In a
// private mapping the entries of both sides become read-only, so that the first write
// copies the page. Both mmap_locks must be held for writing. The error is ENOMEM.
func (mm *MM) copyPageRange(t *sim.Task, child *MM, vma *VMA) (err error) {
	if vma.anon.Peek() == nil && vma.Flags&(VMHugeTLB|VMPFNMap|VMMixedMap) == 0 {
		return nil // only the zero page or the object's pages: faults will map them again
	}
	cow := vma.Flags&VMShared == 0
	mm.pgd.EachPMD(t, vma.Start, vma.End, func(pmd *pgtable.Table, i int, start, end uint64) {
		if err != nil {
			return
		}
		if pmd.PeekHeld(t, i).Huge() {
			err = mm.copyHugePMD(t, child, pmd, i, start)
			return
		}
		err = copyPTERange(t, pmd.Lower(t, i), child, start, int((end-start)>>PageShift), cow)
	})
	return err
}

// copyPTERange copies the n entries of a PTE table from address start on to the child:
// copy_pte_range. cow makes them read-only on both sides. Both mmap_locks must be held
// for writing. The error is ENOMEM.
func copyPTERange(t *sim.Task, src *pgtable.Table, child *MM, start uint64, n int, cow bool) error {
	if src.Empty(t) {
		return nil
	}
	dst, _ := child.pteAlloc(t, child.pmdAlloc(t, start), start)
	if dst == nil {
		return errno.ENOMEM
	}
	src.Lock(t)
	dst.LockNested(t)
	for j := pgtable.PTE.Index(start); n > 0; j, n = j+1, n-1 {
		entry := src.PeekHeld(t, j)
		if entry.None() {
			continue
		}
		f := src.Frame(j)
		counted := f != nil && !entry.Special()
		if counted {
			pgtable.Share(t, src, j, child)
		}
		if cow && entry.Write() {
			entry &^= pgtable.RW
			src.Set(t, j, entry)
		}
		if counted {
			f.Get(t)
		}
		dst.Map(t, j, f, entry)
	}
	dst.Unlock(t)
	src.Unlock(t)
	return nil
}
