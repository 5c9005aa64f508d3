package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// userfaultfdRelease ends the context when the last descriptor has been closed: no
// VMA keeps it, and every fault that waits is let go, to be handled as if there had
// never been a userfaultfd (REL-1 to REL-9). It recreates userfaultfd_release.
func userfaultfdRelease(t *sim.Task, f *mm.File) error {
	c := f.Private.(*Ctx)
	start := t.Bookmark()
	// Before the lock is asked for: a fault that comes now would be woken only after
	// the strip, and one that may not wait for it must not loop (REL-1, REL-10).
	if c.obeys(ReleasedBeforeLock) && c.obeys(ReleasedOutsideLock) {
		c.markReleased(t)
	}
	if !c.obeys(StripBeforeWake) {
		c.wakeAll(t)
	}
	there := c.mmget(t)
	switch {
	case !c.obeys(ReleaseStrips), !there:
	case !c.obeys(StripUnderMmapLock):
		c.mm.MmapLock.Claim(t)
		c.strip(t)
		c.mm.MmapLock.Disclaim(t)
	default:
		c.mm.MmapLock.DownWrite(t)
		if !c.obeys(ReleasedOutsideLock) {
			c.markReleased(t)
		}
		c.strip(t)
		c.mm.MmapLock.UpWrite(t)
	}
	if there {
		c.mmput(t)
	}
	if !c.obeys(ReleasedBeforeLock) {
		c.markReleased(t)
	}
	// Nobody can join the queues any more: a fault looks at its VMA under mmap_lock.
	// After the strip, so that those who are woken find the VMA plain (REL-5).
	if c.obeys(StripBeforeWake) {
		c.wakeAll(t)
	}
	t.ForgetSince(start, "woken", nil) // and not who
	if c.obeys(WakeReadersAtRelease) {
		c.fdWqh.WakeUpKey(t, sim.Normal, sim.Key{Start: uint64(mm.PollHup)})
	}
	c.put(t)
	return nil
}

func (c *Ctx) markReleased(t *sim.Task) {
	if c.obeys(MarkReleased) {
		c.released.Store(t, 1)
		c.trace(t, "ctx_released")
	}
}

// wakeAll wakes every fault, read or not.
func (c *Ctx) wakeAll(t *sim.Task) {
	if !c.obeys(ReleaseWakes) {
		return
	}
	c.lockQueues(t, "userfaultfd_release")
	if c.obeys(ReleaseWakesPending) {
		c.faultPendingWqh.WakeUpLockedKey(t, c.wakeMode(), sim.Key{})
	}
	if c.obeys(ReleaseWakesRead) {
		c.faultWqh.WakeUpLockedKey(t, c.wakeMode(), sim.Key{})
	}
	c.faultPendingWqh.Lock.Unlock(t)
}

// strip takes the context out of every VMA, merging those that become alike. A merge
// that fails leaves the VMA separate, and that is all (REL-8). mmap_lock must be held
// for writing.
func (c *Ctx) strip(t *sim.Task) {
	var prev *mm.VMA
	for vma := c.mm.First(t); vma != nil; vma = vma.Next() {
		bugOnHalfRegistered(t, vma, "userfaultfd_release")
		if vma.Userfault != c {
			prev = vma
			continue
		}
		attrs := vma.Attributes()
		attrs.Flags, attrs.Userfault = vma.Flags&^mm.VMUffd, nil
		if merged := c.mm.VMAMerge(t, prev, vma.Start, vma.End, &attrs); merged != nil {
			vma = merged
		}
		vma.Flags, vma.Userfault = attrs.Flags, nil
		vma.TraceFlags(t)
		prev = vma
	}
}

// bugOnHalfRegistered asserts that a VMA has a context if and only if it has a
// userfault flag (REG-24).
func bugOnHalfRegistered(t *sim.Task, vma *mm.VMA, where string) {
	sim.BugOn(t, (vma.Userfault != nil) != (vma.Flags&mm.VMUffd != 0), where, "context and flags of a VMA disagree")
}
