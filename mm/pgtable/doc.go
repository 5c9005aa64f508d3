// Package pgtable is page tables as x86-64 has them: four levels of [Table], with 512
// entries each, and the walks over them (pgtable.h).
//
// Entries are read by anyone, at any time, without a lock. They are stored under the lock
// that guards the table: its own for the last two levels, page_table_lock of the address
// space for the others. Each access of a task to an entry that another task can reach is a
// visible step, except for the Peek methods. Which address may be mapped, and with which
// rights, is known to the VMAs, and so to package mm alone.
//
// # Stability
//
// Internal: everything may change in any commit, except for [Entry], [Level] and what
// [Table.Walk] returns.
package pgtable
