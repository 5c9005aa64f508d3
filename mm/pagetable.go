package mm

import (
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// newTable returns an empty table for the part of the address space around addr.
func (mm *MM) newTable(t *sim.Task, l pgtable.Level, addr uint64) *pgtable.Table {
	tb := mm.memory.tables.New(l, mm.Name, addr)
	tb.Label(t)
	return tb
}

// PGD returns the top table: mm->pgd. mmap_lock must be held for as long as the caller uses
// a table below it.
func (mm *MM) PGD() *pgtable.Table { return mm.pgd }

// pmdTable returns the PMD table that covers addr, nil if there is none: pgd_offset,
// pud_offset and pmd_offset. mmap_lock must be held, so that the table stays.
func (mm *MM) pmdTable(addr uint64) *pgtable.Table { return mm.pgd.PMDTable(addr) }

// pteTable returns the PTE table that covers addr, nil if there is none: pte_offset_map.
// mmap_lock must be held.
func (mm *MM) pteTable(addr uint64) *pgtable.Table { return mm.pgd.PTETable(addr) }

// pmdAlloc is pmdTable, with the missing levels allocated: pud_alloc and pmd_alloc.
// Nil says that an allocation failed.
func (mm *MM) pmdAlloc(t *sim.Task, addr uint64) *pgtable.Table {
	if pmd := mm.pmdTable(addr); pmd != nil {
		return pmd
	}
	if t.ShouldFail("pmd_alloc") {
		return nil
	}
	mm.pageTableLock.Lock(t)
	tb := mm.pgd
	for tb.Level() > pgtable.PMD {
		i := tb.Level().Index(addr)
		if tb.Child(i) == nil {
			tb.Populate(t, i, mm.newTable(t, tb.Level()-1, addr))
		}
		tb = tb.Child(i)
	}
	mm.pageTableLock.Unlock(t)
	return tb
}

// pteAlloc returns the PTE table that covers addr, below the table that pmdAlloc has returned,
// and allocates it if there is none: pte_alloc_map. It returns nil with huge set if a huge page
// maps the address, and nil without if this allocation failed, or pmdAlloc's.
func (mm *MM) pteAlloc(t *sim.Task, pmd *pgtable.Table, addr uint64) (pte *pgtable.Table, huge bool) {
	if pmd == nil {
		return nil, false
	}
	i := pgtable.PMD.Index(addr)
	if pmd.Peek(i).None() {
		if t.ShouldFail("pte_alloc") {
			return nil, false
		}
		pmd.Lock(t)
		if pmd.Peek(i).None() { // no other task was faster
			pmd.Populate(t, i, mm.newTable(t, pgtable.PTE, addr))
		}
		pmd.Unlock(t)
	}
	pte = pmd.Child(i)
	return pte, pte == nil
}

// setPTE maps the frame, whose reference passes to the entry, with no more rights than
// the VMA has: COPY fills one without any, too. It is mk_pte with vm_page_prot, and set_pte_at.
// The table's lock must be held.
func setPTE(t *sim.Task, vma *VMA, pte *pgtable.Table, i int, f *page.Frame, bits pgtable.Entry) {
	entry := pgtable.Make(f.PFN(), pgtable.Present|pgtable.Accessed|bits)
	pte.Map(t, i, f, protect(entry, vma.Flags))
}

// translate is the processor's own walk of the page table for one page, followed by the
// access: see [pgtable.Table.Translate].
func (mm *MM) translate(t *sim.Task, addr uint64, buf []byte, write bool) bool {
	return addr < mm.TaskSize && mm.pgd.Translate(t, addr, buf, write)
}

// PageWalk follows the page table to the entry that maps addr: see [pgtable.Table.Walk].
func (mm *MM) PageWalk(addr uint64) []pgtable.WalkLevel { return mm.pgd.Walk(addr) }
