// Package uffd recreates the kernel's fs/userfaultfd.c of early 2015, function by
// function and under the same names: a userfaultfd context ([Ctx]) that receives
// the page faults of the VMAs registered with it, hands them to a reader, and lets
// the faulting tasks go on when their pages have come.
//
// # The life of a fault
//
//	fault:   handle_userfault  enqueue on fault_pending_wqh → look again → sleep
//	reader:  userfaultfd_read  take the oldest pending fault, refile it on fault_wqh
//	copier:  UFFDIO_COPY       install the page, wake the waiters of its range
//	fault:                     woken; retry finds the page
//
// An entry is in one of the two fault queues, or in neither; both are guarded by the
// lock of the first.
//
// # Locks
//
// Package lockorder has their order. fd_wqh.lock guards the queue of the readers and
// pollers that sleep, fault_pending_wqh.lock both fault queues. A fault wakes the readers
// after it has released fault_pending_wqh.lock, since a reader takes that lock with
// fd_wqh.lock held.
//
// # References
//
// The file holds one reference on the context and every task inside
// handle_userfault one more. VMAs hold none: release takes the context out of all of
// them, under mmap_lock, before it drops the file's.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Config], [Userfaultfd], [FromFile],
// and the methods of [Ctx] for observers ([Ctx.Queues], [Ctx.State], [Ctx.Refs],
// [Ctx.Released], [Ctx.Freed], [Ctx.CheckInvariants]). Programs make the ioctls through
// package machine.
//
// Internal (may change in any commit, although other packages of this module use it):
// rules, [KernelFuncs], [Ctx.ReleasedWord], and the hooks that package mm calls.
package uffd
