package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// userfaultfdRelease ends the context when the last descriptor has been closed: no VMA keeps
// it, and every fault that waits is woken, and handled as if there had never been a
// userfaultfd (REL-1 to REL-9). It recreates userfaultfd_release.
func userfaultfdRelease(t *sim.Task, f *vfs.File) error {
	c := f.Private.(*Ctx)
	if c.dropped.Any() {
		return userfaultfdReleaseWithout(t, f)
	}
	start := t.Bookmark()
	// Before mmap_lock is asked for: a fault that comes now is woken only after the strip, and
	// one that cannot wait for it must not loop (REL-1, REL-10).
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
			// A merge that fails leaves the VMA separate, and that is all (REL-8).
			if merged := c.mm.VMAMerge(t, prev, vma.Start, vma.End, &attrs); merged != nil {
				vma = merged
			}
			vma.Flags, vma.Userfault = attrs.Flags, nil
			vma.TraceFlags(t)
			prev = vma
		}
		c.mm.MmapLock.UpWrite(t)
		c.mmput(t)
	}
	// No fault can join the queues any more: it looks at its VMA under mmap_lock. Wake after the
	// strip, so that the tasks find the VMA plain (REL-5).
	c.lockQueues(t, "userfaultfd_release")
	c.faultPendingWqh.wakeUpLocked(t, &c.faults, wakeRange{})
	c.faultWqh.wakeUpLocked(t, &c.faults, wakeRange{})
	c.faultPendingWqh.Lock.Unlock(t)
	t.ForgetSince(start, "woken", nil) // and not which tasks
	c.fdWqh.WakeUpKey(t, sim.Normal, pollHup)
	c.put(t)
	return nil
}

// bugOnHalfRegistered asserts that a VMA has a context if and only if it has a
// userfault flag (REG-24).
func bugOnHalfRegistered(t *sim.Task, vma *mm.VMA, where string) {
	sim.BugOn(t, (vma.Userfault != nil) != (vma.Flags&mm.VMUffd != 0), where, "context and flags of a VMA disagree")
}
