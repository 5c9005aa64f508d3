package pgtable

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/mm/page"
)

// Entry is an entry of a page table of any level. It is none (0), present, or neither.
// The last is a swap or migration entry.
type Entry uint64

// The bits of an entry, as x86-64 has them. The frame number is above them.
const (
	Present  Entry = 1 << 0
	RW       Entry = 1 << 1
	User     Entry = 1 << 2
	Accessed Entry = 1 << 5
	Dirty    Entry = 1 << 6
	Huge     Entry = 1 << 7 // in a PMD table: the entry maps a huge page of 2 MiB
	Special  Entry = 1 << 9 // the entry maps the zero page, without a counted reference

	// tableBits are the bits of an entry that points to a table: _PAGE_TABLE.
	tableBits = Present | RW | User | Accessed | Dirty
)

// Make returns an entry with the frame number and the bits: pfn_pte.
func Make(pfn uint64, bits Entry) Entry { return Entry(pfn<<page.Shift) | bits }

// None reports whether the entry is empty: pte_none.
func (e Entry) None() bool { return e == 0 }

// Present reports whether the hardware follows the entry: pte_present.
func (e Entry) Present() bool { return e&Present != 0 }

// Write reports whether the entry allows writes: pte_write.
func (e Entry) Write() bool { return e&RW != 0 }

// User reports whether the entry allows accesses of user mode.
func (e Entry) User() bool { return e&User != 0 }

// Huge reports whether an entry of a PMD table maps a huge page: pmd_trans_huge.
func (e Entry) Huge() bool { return e&Huge != 0 }

// Special reports whether the entry maps the zero page: pte_special.
func (e Entry) Special() bool { return e&Special != 0 }

// PFN returns the frame number: pte_pfn.
func (e Entry) PFN() uint64 { return uint64(e) >> page.Shift }

// Bits returns the entry without its frame number: pte_flags.
func (e Entry) Bits() Entry { return e & (page.Size - 1) }

// Allows reports whether user mode can read the page, or write it if write is set,
// without a page fault.
func (e Entry) Allows(write bool) bool {
	need := Present | User
	if write {
		need |= RW
	}
	return e&need == need
}

// String returns the frame number and the bits: "pfn=2 present,rw,user", or "none".
func (e Entry) String() string {
	if e.None() {
		return "none"
	}
	var bits []string
	for _, b := range []struct {
		bit  Entry
		name string
	}{
		{Present, "present"}, {RW, "rw"}, {User, "user"}, {Accessed, "accessed"},
		{Dirty, "dirty"}, {Huge, "huge"}, {Special, "zero-page"},
	} {
		if e&b.bit != 0 {
			bits = append(bits, b.name)
		}
	}
	return fmt.Sprintf("pfn=%d %s", e.PFN(), strings.Join(bits, ","))
}
