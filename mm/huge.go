package mm

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// hugePageEnabled reports whether missing pages of the VMA may be mapped by huge
// ones: transparent_hugepage_enabled.
func (mm *MM) hugePageEnabled(vma *VMA) bool {
	switch {
	case !vma.IsAnonymous() || vma.Flags&(VMNoHugePage|VMSpecial) != 0:
		return false
	case mm.THP == THPAlways:
		return true
	}
	return mm.THP == THPMadvise && vma.Flags&VMHugePage != 0
}

// hugeAnonymousPage maps a huge page at a pmd that is none:
// do_huge_pmd_anonymous_page. VMFaultFallback asks for small pages instead. The
// page is looked for, and the userfault raised, under the lock of the PMD table.
func (mm *MM) hugeAnonymousPage(t *sim.Task, vmf *Fault) FaultResult {
	vma, pmd := vmf.VMA, vmf.pmd
	base := vmf.Address & PMDMask
	if base < vma.Start || base+PMDSize > vma.End {
		return VMFaultFallback
	}
	// Unlike the read of a small page, this prepares the anon_vma even if all that
	// comes of it is a userfault (§17.3).
	if vma.anonVMAPrepare(t) != nil {
		return VMFaultOOM
	}
	write := vmf.Flags&FaultWrite != 0
	if write && t.ShouldFail("alloc_hugepage") {
		return VMFaultFallback
	}
	i := levelPMD.index(vmf.Address)
	pmd.lock.Lock(t)
	if pmd.entries[i].Peek() != 0 {
		pmd.lock.Unlock(t)
		return 0
	}
	if vma.Flags&VMUffdMissing != 0 {
		pmd.lock.Unlock(t)
		return handleUserfault(t, vmf, VMUffdMissing)
	}
	deposit := mm.newTable(t, levelPTE, vmf.Address)
	bits := uint64(entryPresent | entryUser | entryAccessed | entryHuge)
	if write {
		block := mm.memory.allocHuge(mm.home)
		for j := range deposit.frames {
			deposit.frames[j] = &block[j]
		}
		bits |= entryDirty | writable(vma)
	} else {
		for j := range deposit.frames {
			deposit.frames[j] = mm.memory.zero
		}
		bits |= entrySpecial
	}
	pmd.lower[i].Init(deposit)
	pmd.set(t, i, deposit.frames[0].pfn<<PageShift|bits)
	pmd.lock.Unlock(t)
	return 0
}

// allocHuge returns the frames of a zeroed huge page, with one reference each.
func (m *Memory) allocHuge(home *counter) *[tableEntries]Frame {
	home.n.Tick(tableEntries)
	first := m.number(tableEntries) - tableEntries + 1
	bytes := new([tableEntries][PageSize]byte)
	block := new([tableEntries]Frame)
	for i := range block {
		f := &block[i]
		f.memory, f.home, f.pfn, f.data = m, home, first+uint64(i), &bytes[i]
		f.refs.Init(1)
	}
	return block
}

// hugeWriteFault handles a write to a huge page mapped read-only:
// do_huge_pmd_wp_page. A page that is ours alone becomes writable; any other is
// split, and the write then copies one small page.
func (mm *MM) hugeWriteFault(t *sim.Task, vmf *Fault) FaultResult {
	pmd, i := vmf.pmd, levelPMD.index(vmf.Address)
	pmd.lock.Lock(t)
	entry := pmd.entries[i].Peek()
	if entry&entryHuge == 0 || entry&entryRW != 0 {
		pmd.lock.Unlock(t)
		return 0
	}
	frames := pmd.lower[i].Peek().frames
	if entry&entrySpecial == 0 && !anyShared(frames) {
		pmd.set(t, i, entry|entryDirty|writable(vmf.VMA))
		pmd.lock.Unlock(t)
		return 0
	}
	pmd.lock.Unlock(t)
	mm.splitHugePMD(t, pmd, i)
	return VMFaultFallback
}

func anyShared(frames *[tableEntries]*Frame) bool {
	for _, f := range frames {
		if f.shared() {
			return true
		}
	}
	return false
}

// splitHugePMD replaces a huge page by 512 small ones with the same frames and
// rights: split_huge_page_pmd. mmap_lock must be held.
func (mm *MM) splitHugePMD(t *sim.Task, pmd *table, i int) {
	pmd.lock.Lock(t)
	entry := pmd.entries[i].Peek()
	if entry&entryHuge != 0 { // else somebody was faster
		pte := pmd.lower[i].Peek()
		for j, f := range pte.frames {
			pte.entries[j].Init(f.pfn<<PageShift | entry&(PageSize-1)&^entryHuge)
		}
		pte.used = tableEntries
		pmd.set(t, i, pte.pfn<<PageShift|entryTable)
		pmd.traceSplit(t, i, pte)
	}
	pmd.lock.Unlock(t)
}

// zapHugePMD drops a huge page, and reports false if there is none any more:
// zap_huge_pmd.
func zapHugePMD(t *sim.Task, pmd *table, i int) bool {
	pmd.lock.Lock(t)
	entry := pmd.entries[i].Peek()
	if entry&entryHuge == 0 {
		pmd.lock.Unlock(t)
		return false
	}
	deposit := pmd.lower[i].Peek()
	pmd.set(t, i, 0)
	pmd.lower[i].Init(nil)
	if entry&entrySpecial == 0 {
		for _, f := range deposit.frames {
			f.put()
		}
	}
	pmd.lock.Unlock(t)
	return true
}

// copyHugePMD shares a huge page with the child, read-only on both sides:
// copy_huge_pmd. The error is ENOMEM.
func (mm *MM) copyHugePMD(t *sim.Task, child *MM, pmd *table, i int, addr uint64) error {
	dst := child.pmdAlloc(t, addr)
	if dst == nil {
		return errno.ENOMEM
	}
	pmd.lock.Lock(t)
	dst.lock.LockNested(t)
	entry := pmd.entries[i].Peek() &^ entryRW
	pmd.set(t, i, entry)
	deposit := child.newTable(t, levelPTE, addr)
	*deposit.frames = *pmd.lower[i].Peek().frames
	if entry&entrySpecial == 0 {
		for _, f := range deposit.frames {
			f.get()
		}
	}
	dst.lower[i].Init(deposit)
	dst.set(t, i, entry)
	dst.lock.Unlock(t)
	pmd.lock.Unlock(t)
	return nil
}
