package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// Outcome is how a page fault ended for the access that caused it.
type Outcome uint8

// The outcomes.
const (
	// Done: make the access again.
	Done Outcome = iota
	// SegFault: no mapping, or one that does not allow the access.
	SegFault
	// BusError: a mapping that has no page to give.
	BusError
	// OutOfMemory: an allocation failed.
	OutOfMemory
	// Fixup: a fatal signal ended a fault in kernel mode; the access fails.
	Fixup
	// Killed: the task died of a fatal signal before the access was made.
	Killed
)

// String names the signal that user mode would get.
func (o Outcome) String() string {
	return [...]string{"done", "SIGSEGV", "SIGBUS", "out of memory", "fixup", "killed"}[o]
}

// DoPageFault is the processor's page fault: it finds the VMA, checks the access
// and handles the fault, once more if it is asked to retry. write and user tell the
// access. No lock may be held. It recreates x86's __do_page_fault of 4.3 (§17.2).
func (mm *MM) DoPageFault(t *sim.Task, addr uint64, write, user bool) Outcome {
	mm.traceFault(t, addr, write)
	outcome := mm.doPageFault(t, addr, write, user)
	outcome.trace(t)
	return outcome
}

func (mm *MM) doPageFault(t *sim.Task, addr uint64, write, user bool) Outcome {
	flags := FaultAllowRetry | FaultKillable
	if user {
		flags |= FaultUser
	}
	if write {
		flags |= FaultWrite
	}
	var major FaultResult
	start := t.Bookmark()
	for {
		try := t.Bookmark()
		mm.MmapLock.DownRead(t)
		// Looked up anew for each try: whoever resolved the fault may have unmapped it.
		vma := mm.FindVMA(t, addr)
		t.ForgetSince(try, "found", vma.sumUpFields) // the other VMAs are nothing to this fault
		if vma == nil || vma.Start > addr || accessError(vma, write) {
			mm.MmapLock.UpRead(t)
			return SegFault
		}
		fault := mm.HandleMMFault(t, vma, addr, flags)
		major |= fault & VMFaultMajor
		if fault&VMFaultRetry == 0 {
			mm.MmapLock.UpRead(t)
			return account(t, fault, major)
		}
		// mmap_lock has been dropped by whoever asked for the retry.
		if mm.Era.RetriesForever && user && t.SignalPending() {
			return Done // for the signal; the access is made again if the task is still there
		}
		if flags&FaultAllowRetry != 0 {
			// A second retry is not allowed: one that cannot be resolved now is an error
			// (FAULT-13).
			flags |= FaultTried
			if !mm.Era.RetriesForever {
				flags &^= FaultAllowRetry
			}
			if !t.FatalSignalPending() {
				// Whether it was a major fault only decides who counts it.
				t.ForgetSince(start, "retry", func(s *sim.Summary) { s.Add(uint64(flags)) })
				continue
			}
		}
		if user {
			return Done // and dies on the way back to user mode
		}
		return Fixup
	}
}

// accessError reports whether the VMA forbids the access: access_error.
func accessError(vma *VMA, write bool) bool {
	if write {
		return vma.Flags&VMWrite == 0
	}
	return vma.Flags&vmAccess == 0
}

func account(t *sim.Task, fault, major FaultResult) Outcome {
	switch {
	case fault&VMFaultOOM != 0:
		return OutOfMemory
	case fault&VMFaultSIGBUS != 0:
		return BusError
	case fault&VMFaultSIGSEGV != 0:
		return SegFault
	}
	th := Current(t)
	if major != 0 {
		th.MajFlt++
	} else {
		th.MinFlt++
	}
	return Done
}

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
		return 0 // a huge page has come in between: the access finds it
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

// writable is the write bit for a page of the VMA: maybe_mkwrite.
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
		// As in the kernel these come first, and so a write that ends as a userfault
		// has its anon_vma all the same. (The kernel allocates the page here, too. The
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

// handleUserfault hands the fault to the VMA's context. Without one it is SIGBUS
// (FAULT-1). mmap_lock is held for reading, the table's lock is not.
func handleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult {
	if vmf.VMA.Userfault == nil {
		return VMFaultSIGBUS
	}
	return vmf.VMA.Userfault.HandleUserfault(t, vmf, reason)
}

// doWPPage handles a write to a page that is mapped read-only in a writable VMA: it
// takes the page over if nobody shares it, and copies it otherwise. It recreates
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
