// Package lockorder defines the lock order of the modelled kernel: the rank of each lock
// class, and the tree that the ranks come from. Packages that declare a lock class take
// its rank from here, so this package imports nothing.
//
// A task may take a lock only if its rank is higher than that of every lock the task
// holds. The controlled executor always asserts this; the free executor does in a build
// with -tags lockcheck (see sim.LockClass). Between two locks of the same class the
// caller chooses the order: fork takes the parent's mmap_lock, then the child's.
//
// In the tree, an indented lock may be taken while the lock above it is held:
//
//	mmap_lock                       the VMAs of an address space
//	  (VMA lock)
//	    (map_changing_lock)
//	      (i_mmap lock, folio lock)
//	        fault_pending_wqh.lock  a fault queues itself; unregister wakes
//	        shmem                   the pages of a shared memory object
//	        page-table lock         one for each table of the last two levels, and one
//	                                for the upper levels and the anon_vma
//	fd_wqh.lock                     sleeping readers and pollers
//	  fault_pending_wqh.lock        both queues of faults
//	    (fault_wqh.lock)
//	(event_wqh.lock)
//	file_lock                       a descriptor table
//	siglock                         the signals of a task
//
// A lock in parentheses is never taken. The model does not have it yet, except for
// fault_wqh.lock, which is unused because fault_pending_wqh.lock protects that queue too.
// mmap_lock and fd_wqh.lock are never held together: a fault drops mmap_lock before it
// wakes the readers (FAULT-11). The lock of a shared page's bytes, which may be taken
// under a page-table lock, exists only on the controlled executor: see page.Sharing.
package lockorder

// The ranks. The rank of siglock, 100, is declared in package sim; it is the highest.
const (
	MmapLock        = 10
	FdWqh           = 20
	FaultPendingWqh = 30
	FaultWqh        = 31
	Shmem           = 35
	PageTable       = 40
	PageBytes       = 50
	FileLock        = 60
)
