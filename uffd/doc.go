// Package uffd recreates the kernel's fs/userfaultfd.c of early 2015, function by
// function and under the same names: a userfaultfd context ([Ctx]) that receives
// the page faults of the VMAs registered with it, delivers them to a reader as messages,
// and wakes the faulting tasks after their pages have been installed. Throughout the
// package "the 2015 code" is that file; the differences of later kernels are [Facts].
//
// # The life of a fault
//
//	fault:   handle_userfault  join fault_pending_wqh → check the page again → sleep
//	reader:  userfaultfd_read  read the oldest pending fault, move it to fault_wqh
//	copier:  UFFDIO_COPY       install the page, wake the faults in its range
//	fault:                     wake up, retry, find the page
//
// A fault's entry is in one of these two queues or in neither.
//
// # Locks
//
// Package lockorder defines their order. fd_wqh.lock protects the queue of sleeping
// readers and pollers. fault_pending_wqh.lock protects both fault queues. A fault wakes
// the readers after it has released fault_pending_wqh.lock, because a reader takes that
// lock with fd_wqh.lock held.
//
// # References
//
// The file holds one reference on the context, and every task inside handle_userfault
// holds one more. VMAs hold none: userfaultfd_release removes the context from all of
// them, under mmap_lock, before it drops the file's reference.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Config], [Userfaultfd], [FromFile],
// [State], [Waiter], and the methods of [Ctx] for observers ([Ctx.Queues], [Ctx.State],
// [Ctx.Refs], [Ctx.Released], [Ctx.Freed], [Ctx.MM], [Ctx.CheckInvariants]). Programs
// make the ioctls through package machine.
//
// Internal (may change in any commit, although other packages of this module use it): the
// fields of [Facts], the rules ([Rules], [RuleInfo], [ParseRule], [CheckDropped] and the
// constants), [FileCreate], [KernelFuncs], [Ctx.ReleasedWord], and the hooks that package
// mm calls ([Ctx.HandleUserfault]).
package uffd
