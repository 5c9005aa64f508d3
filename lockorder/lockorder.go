// Package lockorder has the lock order of the modelled kernel: the one tree, and the rank
// of each class of locks. The packages that declare the classes take the ranks from here,
// and so the package imports nothing.
//
// A task may take a lock if the ranks of all locks that it holds are lower. The controlled
// executor asserts this always, the free one in a build with -tags lockcheck (see
// sim.LockClass). Two locks of one class are taken in an order that the caller answers
// for: fork takes the child's mmap_lock under the parent's.
//
// The tree shows which locks are taken while which others are held:
//
//	mmap_lock                       the VMAs of an address space
//	  (VMA lock)
//	    (map_changing_lock)
//	      (i_mmap lock, folio lock)
//	        fault_pending_wqh.lock  a fault queues itself; unregister wakes
//	        shmem                   the pages of a shared memory object
//	        page-table lock         one for each table of the last two levels, and one
//	                                for the upper levels and the anon_vma
//	fd_wqh.lock                     readers and pollers that sleep
//	  fault_pending_wqh.lock        both queues of faults
//	    (fault_wqh.lock)
//	(event_wqh.lock)
//	file_lock                       a descriptor table
//	siglock                         the signals of a task
//
// In parentheses is the place of a lock that is never taken today: the model does not
// have it yet, except for fault_wqh.lock, which the structure has, and whose queue
// fault_pending_wqh.lock guards. mmap_lock and fd_wqh.lock are never held together:
// readers are woken once mmap_lock has been dropped (FAULT-11).
package lockorder

// The ranks. The one of siglock is 100, above them all; it belongs to package sim.
const (
	MmapLock        = 10
	FdWqh           = 20
	FaultPendingWqh = 30
	FaultWqh        = 31
	Shmem           = 35
	PageTable       = 40
	FileLock        = 60
)
