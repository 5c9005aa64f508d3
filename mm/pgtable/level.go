package pgtable

import "github.com/uffdsim/uffdsim/mm/page"

// Level says what a table's entries map.
type Level uint8

// The levels, from the lowest.
const (
	PTE Level = iota // an entry maps a page
	PMD              // an entry points to a PTE table, or maps a huge page
	PUD
	PGD
)

// Entries is the number of entries in a table.
const Entries = 512

// What one entry of a PMD table covers, in bytes: a huge page.
const (
	PMDShift = 21
	PMDSize  = 1 << PMDShift
	PMDMask  = ^uint64(PMDSize - 1)
)

// String returns the kernel's name for an entry of the level.
func (l Level) String() string { return [...]string{"pte", "pmd", "pud", "pgd"}[l] }

// tableNames are those of the tables, put together beforehand.
var tableNames = [...]string{"pte table", "pmd table", "pud table", "pgd table"}

// shift is the log2 of the bytes that one entry of the level covers.
func (l Level) shift() uint { return page.Shift + 9*uint(l) }

// Span returns the number of bytes that one entry of the level covers.
func (l Level) Span() uint64 { return 1 << l.shift() }

// Index returns the place of addr's entry in a table of the level: pte_index.
func (l Level) Index(addr uint64) int { return int(addr>>l.shift()) & (Entries - 1) }

// Next returns the first address behind the entry of the level that covers addr.
func (l Level) Next(addr uint64) uint64 { return (addr | (l.Span() - 1)) + 1 }
