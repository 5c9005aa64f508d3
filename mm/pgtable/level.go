package pgtable

import "github.com/uffdsim/uffdsim/mm/page"

// Level is the level of a page table.
type Level uint8

// The levels, from the lowest.
const (
	PTE Level = iota // an entry maps a page
	PMD              // an entry points to a PTE table or maps a huge page
	PUD              // an entry points to a PMD table
	PGD              // an entry points to a PUD table; an address space has one PGD
)

// Entries is the number of entries in a table.
const Entries = 512

// The range that one entry of a PMD table covers: a huge page.
const (
	PMDShift = 21                   // log2 of PMDSize
	PMDSize  = 1 << PMDShift        // bytes
	PMDMask  = ^uint64(PMDSize - 1) // clears an address's offset in the range
)

// String returns the kernel's name for an entry of the level.
func (l Level) String() string { return [...]string{"pte", "pmd", "pud", "pgd"}[l] }

// tableNames are the names of the tables by level, as constants so that labelling a table
// does not allocate.
var tableNames = [...]string{"pte table", "pmd table", "pud table", "pgd table"}

// shift returns the log2 of the number of bytes that one entry of the level covers.
func (l Level) shift() uint { return page.Shift + 9*uint(l) }

// Span returns the number of bytes that one entry of the level covers.
func (l Level) Span() uint64 { return 1 << l.shift() }

// Index returns the index of addr's entry in a table of the level: pte_index.
func (l Level) Index(addr uint64) int { return int(addr>>l.shift()) & (Entries - 1) }

// Next returns the first address after the range of the entry that covers addr:
// pmd_addr_end without the end.
func (l Level) Next(addr uint64) uint64 { return (addr | (l.Span() - 1)) + 1 }
