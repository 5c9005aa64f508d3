package mm

import (
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// newTable returns an empty, labelled table of the level for the addresses around addr.
func (mm *MM) newTable(t *sim.Task, l pgtable.Level, addr uint64) *pgtable.Table {
	tb := mm.memory.tables.New(l, mm.Name, addr)
	pgtable.Label(t, tb, mm)
	return tb
}

// PGD returns the top table: mm->pgd. mmap_lock must be held while the caller uses a
// table below it.
func (mm *MM) PGD() *pgtable.Table { return mm.pgd }

// pmdTable returns the PMD table that covers addr, nil if none: pgd_offset, pud_offset
// and pmd_offset. mmap_lock must be held, so that the table is not freed.
func (mm *MM) pmdTable(t *sim.Task, addr uint64) *pgtable.Table { return mm.pgd.PMDTable(t, addr) }

// pteTable returns the PTE table that covers addr, nil if none: pte_offset_map. mmap_lock
// must be held, so that the table is not freed.
func (mm *MM) pteTable(t *sim.Task, addr uint64) *pgtable.Table { return mm.pgd.PTETable(t, addr) }

// pmdAlloc returns the PMD table that covers addr, and allocates the missing levels:
// pud_alloc and pmd_alloc. It returns nil if an allocation failed. mmap_lock must be
// held.
func (mm *MM) pmdAlloc(t *sim.Task, addr uint64) *pgtable.Table {
	if pmd := mm.pmdTable(t, addr); pmd != nil {
		return pmd
	}
	if t.ShouldFail("pmd_alloc") {
		return nil
	}
	mm.pageTableLock.Lock(t)
	tb := mm.pgd
	for tb.Level() > pgtable.PMD {
		i := tb.Level().Index(addr)
		if tb.Lower(t, i) == nil {
			tb.Populate(t, i, mm.newTable(t, tb.Level()-1, addr))
		}
		tb = tb.Lower(t, i)
	}
	mm.pageTableLock.Unlock(t)
	return tb
}

// pteAlloc returns the PTE table that covers addr, and allocates it if necessary:
// pte_alloc_map. pmd is the result of pmdAlloc. If a huge page maps addr, pte is nil and
// huge is true. If an allocation failed, this one or that of pmdAlloc, pte is nil and
// huge is false. mmap_lock must be held.
func (mm *MM) pteAlloc(t *sim.Task, pmd *pgtable.Table, addr uint64) (pte *pgtable.Table, huge bool) {
	if pmd == nil {
		return nil, false
	}
	i := pgtable.PMD.Index(addr)
	if pmd.PeekHeld(t, i).None() {
		if t.ShouldFail("pte_alloc") {
			return nil, false
		}
		pmd.Lock(t)
		if pmd.PeekHeld(t, i).None() { // again, under the lock: another task may have stored a table
			pmd.Populate(t, i, mm.newTable(t, pgtable.PTE, addr))
		}
		pmd.Unlock(t)
	}
	pte = pmd.Lower(t, i)
	return pte, pte == nil
}

// setPTE stores entry i, which maps the frame with the bits that the VMA allows: mk_pte
// with vm_page_prot, and set_pte_at. The VMA may allow no access at all, since
// UFFDIO_COPY also fills such memory. The reference to the frame passes to the entry. The
// table's lock must be held.
func setPTE(t *sim.Task, vma *VMA, pte *pgtable.Table, i int, f *page.Frame, bits pgtable.Entry) {
	entry := pgtable.Make(f.PFN(), pgtable.Present|pgtable.Accessed|bits)
	pte.Map(t, i, f, protect(entry, vma.Flags))
}

// translate makes an access to one page as the processor does, and reports false if it
// needs a page fault first: see [pgtable.Table.Translate].
func (mm *MM) translate(t *sim.Task, addr uint64, buf []byte, write bool) bool {
	return addr < mm.TaskSize && mm.pgd.Translate(t, addr, buf, write)
}

// PageWalk returns the page-table entries on the way to addr, for observers: see
// [pgtable.Table.Walk].
func (mm *MM) PageWalk(addr uint64) []pgtable.WalkLevel { return mm.pgd.Walk(addr) }

// FrameAt returns the frame that maps addr, nil if no page is present there, for
// observers: see [pgtable.Table.FrameAt].
func (mm *MM) FrameAt(addr uint64) *page.Frame {
	if addr >= mm.TaskSize {
		return nil
	}
	return mm.pgd.FrameAt(addr)
}
