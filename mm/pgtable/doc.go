// Package pgtable models the page tables of x86-64: four levels of [Table], with 512
// entries each, and the walks over them (arch/x86/include/asm/pgtable.h).
//
// A kernel name after a colon is the function of Linux 4.3 that a function recreates.
//
// # Locks
//
// Any task may read an entry at any time without a lock. An entry is stored under the
// lock that protects its table: the table's own lock on the two lowest levels (PTE, PMD),
// the address space's page_table_lock on the others. Every access of a task to an entry
// that another task can reach is a visible step, except through the Peek methods.
//
// The tables do not check whether an address may be mapped, and with which rights: only
// package mm has the VMAs that say so. [Table.Check] asks it through [VMAs].
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Entry], [Level] and [WalkLevel], the
// result of [Table.Walk].
//
// Internal (may change in any commit, although other packages of this module use it):
// everything else.
package pgtable
