package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// userfaultfdRelease releases the context after its last descriptor has been closed:
// userfaultfd_release (REL-1 to REL-9). It removes the context from every VMA and wakes
// every waiting fault, whose retry then finds plain memory. It never fails. It takes
// mmap_lock for writing, then fault_pending_wqh.lock.
func userfaultfdRelease(t *sim.Task, f *vfs.File) error {
	c := f.Private.(*Ctx)
	if c.dropped.Any() {
		return userfaultfdReleaseWithout(t, f)
	}
	start := t.Bookmark()
	// Before taking mmap_lock: a fault that is queued from now on is woken only after the
	// context has left the VMAs, and a fault that may not sleep must not retry in a loop
	// until then (REL-1, REL-10).
	c.released.Store(t, 1)
	c.trace(t, "ctx_released")
	alive := c.mmget(t)
	if alive {
		c.mm.MmapLock.DownWrite(t)
		var prev *mm.VMA
		for vma := c.mm.First(t); vma != nil; vma = vma.Next() {
			bugOnHalfRegistered(t, vma, "userfaultfd_release")
			if vma.Userfault != c {
				prev = vma
				continue
			}
			attrs := vma.Attributes()
			attrs.Flags, attrs.Userfault = vma.Flags&^mm.VMUffd, nil
			// If no merge is possible the VMA stays separate; this is not an error
			// (REL-8).
			if merged := c.mm.VMAMerge(t, prev, vma.Start, vma.End, &attrs); merged != nil {
				vma = merged
			}
			prev = vma
			vma.Flags, vma.Userfault = attrs.Flags, nil
			vma.TraceFlags(t)
		}
		c.mm.MmapLock.UpWrite(t)
		c.mmput(t)
	}
	// No more faults join the queues: a fault reads its VMA's context under mmap_lock.
	// Wake after the loop, so that the retried faults find the VMAs without the context
	// (REL-5).
	c.lockQueues(t, "userfaultfd_release")
	c.faultPendingWqh.wakeUpLocked(t, c, wakeRange{})
	c.faultWqh.wakeUpLocked(t, c, wakeRange{})
	c.faultPendingWqh.Lock.Unlock(t)
	t.AbstractSince(start, "woken", nil) // it no longer matters which tasks
	c.fdWqh.WakeUpKey(t, sim.Normal, pollHup)
	c.put(t)
	return nil
}

// bugOnHalfRegistered asserts that a VMA has a context if and only if it has a userfault
// flag (REG-24). mmap_lock must be held.
func bugOnHalfRegistered(t *sim.Task, vma *mm.VMA, where string) {
	sim.BugOn(t, (vma.Userfault != nil) != (vma.Flags&mm.VMUffd != 0), where, "context and flags of a VMA disagree")
}
