package pgtable

import (
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/sim"
)

// SetHuge makes entry i of a PMD table map a huge page: pgtable_trans_huge_deposit and
// set_pmd_at. deposit is an empty PTE table with the huge page's frames; a split needs it
// later. The references to the frames pass to the entry. The table's lock must be held.
func (tb *Table) SetHuge(t *sim.Task, i int, deposit *Table, bits Entry) {
	tb.lower[i].Init(deposit)
	tb.Set(t, i, Make(deposit.frames[0].PFN(), bits))
}

// ClearHuge clears entry i, which maps a huge page, and drops the references to the
// frames: pmdp_huge_get_and_clear and zap_deposited_table. The table's lock must be held.
func (tb *Table) ClearHuge(t *sim.Task, i int) {
	special := tb.PeekHeld(t, i).Special()
	deposit := tb.lower[i].Peek()
	tb.Set(t, i, 0)
	tb.lower[i].Init(nil)
	if !special {
		page.PutHuge(t, deposit.frames)
	}
}

// SplitHuge replaces the huge page that entry i maps by 512 small pages with the same
// frames and access rights: pgtable_trans_huge_withdraw and pmd_populate. The table's
// lock must be held.
func (tb *Table) SplitHuge(t *sim.Task, i int) {
	entry := tb.PeekHeld(t, i)
	pte := tb.lower[i].Peek()
	for j, f := range pte.frames {
		pte.entries[j].Init(uint64(Make(f.PFN(), entry.Bits()&^Huge)))
	}
	pte.used.AddHeld(t, Entries)
	tb.Set(t, i, Make(pte.pfn, tableBits))
	tb.traceSplit(t, i, pte)
}

// AnyShared reports whether anything besides this deposited table refers to one of its
// frames. The lock of the PMD table must be held.
func (tb *Table) AnyShared(t *sim.Task) bool { return page.AnyShared(t, tb.frames) }
