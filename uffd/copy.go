package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// userfaultfdCopy installs pages with bytes of the caller's: userfaultfd_copy of
// 4.3 (COPY-1 to COPY-8). Errors, in order: EFAULT; EINVAL for the range, the source
// or the mode; then, with the error in the out field too, what [mm.MM.McopyAtomic]
// says. EAGAIN says that some of the pages were installed: the out field says how
// many bytes.
func userfaultfdCopy(t *sim.Task, c *Ctx, arg uint64) error {
	var b [abi.CopySize]byte
	if err := mm.CopyFromUser(t, b[:abi.CopyCopyOffset], arg); err != nil {
		return err
	}
	var u abi.Copy
	u.Decode(b[:])
	if c.version.ChecksSource && !mm.Lent(u.Src) && c.misplaced(u.Src, u.Len) {
		return errno.EINVAL
	}
	if err := c.validateRange(u.Dst, u.Len); err != nil {
		return err
	}
	// The source need not be aligned, but must not wrap around.
	known := uint64(abi.CopyModeDontwake)
	if c.version.CopyKnowsWP {
		known |= abi.CopyModeWP
	}
	if u.Src+u.Len <= u.Src || u.Mode&^known != 0 {
		return errno.EINVAL
	}
	if !c.mmget(t) {
		return c.version.NoMemory
	}
	fill := c.mm.McopyAtomic
	if u.Mode&abi.CopyModeWP != 0 {
		fill = c.mm.McopyAtomicWP
	}
	done, err := fill(t, u.Dst, u.Src, u.Len)
	c.mmput(t)
	return c.filled(t, arg+abi.CopyCopyOffset, wakeRange{u.Dst, u.Len}, done, err, u.Mode&abi.CopyModeDontwake != 0)
}

// userfaultfdZeropage installs the zero page: userfaultfd_zeropage of 4.3 (ZERO-1).
func userfaultfdZeropage(t *sim.Task, c *Ctx, arg uint64) error {
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
		return c.version.NoMemory
	}
	done, err := c.mm.MfillZeropage(t, u.Range.Start, u.Range.Len)
	c.mmput(t)
	return c.filled(t, arg+abi.ZeropageZeropageOffset, wakeRange{u.Range.Start, u.Range.Len}, done, err, u.Mode&abi.ZeropageModeDontwake != 0)
}

// filled ends a COPY or ZEROPAGE that filled done bytes of what was asked for: it
// stores the result in the out field, wakes the faults of the bytes that were filled,
// and of no others, and returns the ioctl's result.
func (c *Ctx) filled(t *sim.Task, out uint64, asked wakeRange, done uint64, err error, dontwake bool) error {
	result := int64(done)
	if no, failed := err.(errno.Errno); failed {
		result = -int64(no)
	}
	if err := mm.PutUser64(t, out, uint64(result)); err != nil {
		return err // the pages are there, and nobody is woken (COPY-6)
	}
	if err != nil {
		return err // EEXIST too: whoever waits is left to wait (COPY-8)
	}
	if !dontwake && c.obeys(WakeDoneLength) {
		c.wakeUserfault(t, wakeRange{asked.start, done})
	} else if !dontwake {
		c.wakeUserfault(t, asked)
	}
	if done != asked.len {
		return errno.EAGAIN
	}
	return nil
}
