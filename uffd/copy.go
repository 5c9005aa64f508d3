package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// userfaultfdCopy installs pages with a copy of the caller's bytes: userfaultfd_copy of
// 4.3 (COPY-1 to COPY-8). Errors, in order: EFAULT; EINVAL for the range, the source or
// the mode; the error of memoryGone; EFAULT if the out field cannot be written; the
// errors of [mm.MM.McopyAtomic], which the out field gets too; EAGAIN if only some of the
// pages were installed. The out field then has their length in bytes.
func userfaultfdCopy(t *sim.Task, c *Ctx, arg uint64) error {
	if c.dropped.Any() {
		return userfaultfdCopyWithout(t, c, arg)
	}
	var b [abi.CopySize]byte
	if err := mm.CopyFromUser(t, b[:abi.CopyCopyOffset], arg); err != nil {
		return err
	}
	var u abi.Copy
	u.Decode(b[:])
	if c.facts.Copy.ChecksSource && !mm.Lent(u.Src) { // lent memory counts as user memory
		if err := c.validateUnalignedRange(u.Src, u.Len); err != nil {
			return err
		}
	}
	if err := c.validateRange(u.Dst, u.Len); err != nil {
		return err
	}
	// The source need not be aligned, but must not wrap around.
	known := uint64(abi.CopyModeDontwake)
	if c.facts.Copy.KnowsWP {
		known |= abi.CopyModeWP
	}
	if u.Src+u.Len <= u.Src || u.Mode&^known != 0 {
		return errno.EINVAL
	}
	if !c.mmget(t) {
		if c.facts.MemoryGone == MemoryGoneNoSpace { // UFFDIO_ZEROPAGE lacks this test
			return errno.ENOSPC
		}
		return c.memoryGone(t, arg+abi.CopyCopyOffset)
	}
	fill := c.mm.McopyAtomic
	if u.Mode&abi.CopyModeWP != 0 {
		fill = c.mm.McopyAtomicWP
	}
	done, err := fill(t, u.Dst, u.Src, u.Len)
	c.mmput(t)
	if err := mm.PutUser64(t, arg+abi.CopyCopyOffset, outField(done, err)); err != nil {
		return err // the pages are installed, but no fault is woken (COPY-6)
	}
	if err != nil {
		return err // also for EEXIST: waiting faults keep waiting (COPY-8)
	}
	sim.BugOn(t, done == 0, "userfaultfd_copy", "neither bytes nor an error")
	if u.Mode&abi.CopyModeDontwake == 0 {
		c.wakeUserfault(t, wakeRange{u.Dst, done}) // the part that was filled (COPY-7)
	}
	if done != u.Len {
		return errno.EAGAIN
	}
	return nil
}

// memoryGone returns the error of a UFFDIO_COPY or UFFDIO_ZEROPAGE whose memory has been
// torn down: EINVAL, which it also stores in the out field (EFAULT if it cannot), and
// since 4.13 ESRCH. From 4.11 to 4.12 UFFDIO_COPY returns ENOSPC instead, without
// memoryGone.
func (c *Ctx) memoryGone(t *sim.Task, out uint64) error {
	if c.facts.MemoryGone == MemoryGoneNoProcess {
		return errno.ESRCH
	}
	if err := mm.PutUser64(t, out, outField(0, errno.EINVAL)); err != nil {
		return err
	}
	return errno.EINVAL
}

// outField returns the value that a fill stores in its out field: the bytes filled, or a
// negative error number.
func outField(done uint64, err error) uint64 {
	if no, failed := err.(errno.Errno); failed {
		return uint64(-int64(no))
	}
	return done
}

// userfaultfdZeropage maps the zero page: userfaultfd_zeropage of 4.3 (ZERO-1). The
// errors are those of userfaultfdCopy, except those of the source.
func userfaultfdZeropage(t *sim.Task, c *Ctx, arg uint64) error {
	if c.dropped.Any() {
		return userfaultfdZeropageWithout(t, c, arg)
	}
	var b [abi.ZeropageSize]byte
	if err := mm.CopyFromUser(t, b[:abi.ZeropageZeropageOffset], arg); err != nil {
		return err
	}
	var u abi.Zeropage
	u.Decode(b[:])
	if err := c.validateRange(u.Range.Start, u.Range.Len); err != nil {
		return err
	}
	if u.Mode&^uint64(abi.ZeropageModeDontwake) != 0 {
		return errno.EINVAL
	}
	if !c.mmget(t) {
		return c.memoryGone(t, arg+abi.ZeropageZeropageOffset)
	}
	done, err := c.mm.MfillZeropage(t, u.Range.Start, u.Range.Len)
	c.mmput(t)
	if err := mm.PutUser64(t, arg+abi.ZeropageZeropageOffset, outField(done, err)); err != nil {
		return err
	}
	if err != nil {
		return err
	}
	sim.BugOn(t, done == 0, "userfaultfd_zeropage", "neither bytes nor an error")
	if u.Mode&abi.ZeropageModeDontwake == 0 {
		c.wakeUserfault(t, wakeRange{u.Range.Start, done})
	}
	if done != u.Range.Len {
		return errno.EAGAIN
	}
	return nil
}
