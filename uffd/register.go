package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// validateRange checks a range of user addresses, in bytes: validate_range (RANGE-1 to
// RANGE-6). The error is EINVAL. What is mapped there does not matter.
func (c *Ctx) validateRange(start, length uint64) error {
	if c.dropped.Any() {
		return c.validateRangeWithout(start, length)
	}
	if start&^mm.PageMask != 0 {
		return errno.EINVAL
	}
	return c.validateUnalignedRange(start, length)
}

// validateUnalignedRange is validateRange of a range whose start need not be page aligned:
// validate_unaligned_range, since 6.6.
func (c *Ctx) validateUnalignedRange(start, length uint64) error {
	if length&^mm.PageMask != 0 {
		return errno.EINVAL
	}
	if length == 0 {
		return errno.EINVAL
	}
	if start < c.mm.MmapMinAddr && !c.facts.LowAddress {
		return errno.EINVAL
	}
	if start >= c.mm.TaskSize {
		return errno.EINVAL
	}
	if length > c.mm.TaskSize-start { // not start+length, which may wrap around
		return errno.EINVAL
	}
	return nil
}

// userfaultfdRegister makes the missing pages of a range userfaults of this context:
// userfaultfd_register. Errors, in order: EFAULT, EINVAL (mode, range), ENOMEM
// (nothing is mapped above start), EINVAL (nothing in the range), then for the lowest
// VMA that does not fit EINVAL (not plain anonymous memory) or EBUSY (another context
// has it). ENOMEM in the middle leaves what has been done (REG-18); EFAULT at the end
// leaves the registration (REG-21).
func userfaultfdRegister(t *sim.Task, c *Ctx, arg uint64) error {
	var b [abi.RegisterSize]byte
	// The answer behind the first three words is never read (REG-1).
	if err := mm.CopyFromUser(t, b[:abi.RegisterIoctlsOffset], arg); err != nil {
		return err
	}
	var u abi.Register
	u.Decode(b[:])
	if u.Mode == 0 {
		return errno.EINVAL
	}
	if u.Mode&^uint64(abi.RegisterModeMissing|abi.RegisterModeWP) != 0 {
		return errno.EINVAL
	}
	vmFlags := mm.VMUffdMissing
	if u.Mode&abi.RegisterModeWP != 0 { // 2015 knows it by name only (REG-4); later: not modelled
		return errno.EINVAL
	}
	if err := c.validateRange(u.Range.Start, u.Range.Len); err != nil {
		return err
	}
	if !c.mmget(t) {
		return errno.ENOMEM
	}
	c.mm.MmapLock.DownWrite(t)
	err := c.registerRange(t, u.Range.Start, u.Range.Start+u.Range.Len, vmFlags)
	c.mm.MmapLock.UpWrite(t)
	c.mmput(t)
	if err != nil {
		return err
	}
	// What write-protection and minor faults would need is offered with those modes only.
	ioctls := c.facts.RangeIoctls &^ (abi.MaskWriteprotect | abi.MaskContinue)
	return mm.PutUser64(t, arg+abi.RegisterIoctlsOffset, ioctls)
}

// registerRange is the part of userfaultfd_register under mmap_lock, which must be held for
// writing: it checks every VMA in [start, end), then registers them one by one.
func (c *Ctx) registerRange(t *sim.Task, start, end uint64, vmFlags mm.VMFlags) error {
	const where = "userfaultfd_register"
	vma, prev, err := c.firstVMA(t, start, end)
	if err != nil {
		return err
	}
	for cur := vma; cur != nil && cur.Start < end; cur = cur.Next() {
		bugOnHalfRegistered(t, cur, where)
		if !cur.CanUserfault(vmFlags) {
			return errno.EINVAL // REG-9
		}
		// With two owners the receiver of the faults would not be defined (REG-10).
		if cur.Userfault != nil && cur.Userfault != c {
			return errno.EBUSY
		}
	}
	if vma.Start < start {
		prev = vma
	}
	for vma != nil && vma.Start < end {
		sim.BugOn(t, !vma.CanUserfault(vmFlags), where, "not a type of memory that was checked")
		sim.BugOn(t, vma.Userfault != nil && vma.Userfault != c, where, "another context's VMA")
		if !(vma.Userfault == c && vma.Flags&vmFlags == vmFlags) { // REG-12
			start = max(start, vma.Start) // a hole was crossed (REG-13)
			newFlags := vma.Flags&^vmFlags | vmFlags
			vma, err = c.vmaModifyFlagsUffd(t, prev, vma, start, end, newFlags, c)
			if err != nil {
				return err // what has been done stays done (REG-18)
			}
		}
		prev, start, vma = vma, vma.End, vma.Next() // REG-20
	}
	return nil
}

// firstVMA returns the lowest VMA in [start, end), and the VMA below start, nil if none. The
// error is ENOMEM, or later EINVAL, if nothing is mapped above start (REG-7), and EINVAL if
// nothing is mapped in the range (REG-8). mmap_lock must be held.
func (c *Ctx) firstVMA(t *sim.Task, start, end uint64) (vma, prev *mm.VMA, err error) {
	vma, prev = c.mm.FindVMAPrev(t, start)
	if vma == nil && c.facts.Register.NothingMappedInvalid {
		return nil, nil, errno.EINVAL
	}
	if vma == nil {
		return nil, nil, errno.ENOMEM
	}
	if vma.Start >= end {
		return nil, nil, errno.EINVAL
	}
	return vma, prev, nil
}

// userfaultfdUnregister makes a range plain memory again, whichever context it belongs to
// (UNREG-2): userfaultfd_unregister. Errors as for register, without EBUSY; since 6.17 a VMA
// of another context is EINVAL. No task is woken (UNREG-4) before 4.11.
func userfaultfdUnregister(t *sim.Task, c *Ctx, arg uint64) error {
	var b [abi.RangeSize]byte
	if err := mm.CopyFromUser(t, b[:], arg); err != nil {
		return err
	}
	var u abi.Range
	u.Decode(b[:])
	if err := c.validateRange(u.Start, u.Len); err != nil {
		return err
	}
	if !c.mmget(t) {
		return errno.ENOMEM
	}
	c.mm.MmapLock.DownWrite(t)
	err := c.unregisterRange(t, u.Start, u.Start+u.Len)
	c.mm.MmapLock.UpWrite(t)
	c.mmput(t)
	return err
}

// unregisterRange is the part of userfaultfd_unregister under mmap_lock, which must be held for
// writing: it checks every VMA in [start, end), then unregisters them one by one.
func (c *Ctx) unregisterRange(t *sim.Task, start, end uint64) error {
	const where = "userfaultfd_unregister"
	vma, prev, err := c.firstVMA(t, start, end)
	if err != nil {
		return err
	}
	for cur := vma; cur != nil && cur.Start < end; cur = cur.Next() {
		bugOnHalfRegistered(t, cur, where)
		if c.facts.Unregister.OwnerOnly && cur.Userfault != nil && cur.Userfault != c {
			return errno.EINVAL
		}
		if !cur.CanUserfault(0) {
			return errno.EINVAL // UNREG-1
		}
	}
	if vma.Start < start {
		prev = vma
	}
	for vma != nil && vma.Start < end {
		sim.BugOn(t, !vma.CanUserfault(0), where, "not a type of memory that was checked")
		if vma.Userfault != nil { // UNREG-3
			start = max(start, vma.Start) // a hole was crossed (REG-13)
			if c.facts.Unregister.Wakes {
				// While the lock keeps the woken tasks from finding the VMA as it was.
				vma.Userfault.(*Ctx).wakeUserfault(t, wakeRange{start, min(end, vma.End) - start})
			}
			newFlags := vma.Flags &^ mm.VMUffd // UNREG-5
			vma, err = c.vmaModifyFlagsUffd(t, prev, vma, start, end, newFlags, nil)
			if err != nil {
				return err // what has been done stays done (REG-18)
			}
		}
		prev, start, vma = vma, vma.End, vma.Next() // REG-20
	}
	return nil
}

// vmaModifyFlagsUffd gives the part of vma that lies in [start, end) other flags and another
// context, nil for none: it grows a neighbour over the part if that is possible, and splits the
// part off if not. It returns the VMA that the part belongs to afterwards. The error is ENOMEM.
// mmap_lock must be held for writing. It recreates vma_modify_flags_uffd of 6.7, and what
// register and unregister did in its place before.
func (c *Ctx) vmaModifyFlagsUffd(t *sim.Task, prev, vma *mm.VMA, start, end uint64, newFlags mm.VMFlags, ctx *Ctx) (*mm.VMA, error) {
	attrs := vma.Attributes()
	if c.facts.Register.OffsetOfRange {
		attrs.Pgoff += (start - vma.Start) >> mm.PageShift
	}
	// Before 6.4 the page offset handed over is that of the VMA's own start, also where the
	// range begins further up. So a merge with the right neighbour is missed that the offset of
	// the range's start would find: a mistake of the 2015 code (REG-16).
	attrs.Flags, attrs.Userfault = newFlags, nil
	if ctx != nil { // a nil *Ctx in an interface is not nil
		attrs.Userfault = ctx
	}
	if merged := c.mm.VMAMerge(t, prev, start, min(end, vma.End), &attrs); merged != nil {
		vma = merged
	} else {
		if vma.Start < start {
			if err := c.mm.SplitVMA(t, vma, start, true); err != nil {
				return nil, err
			}
		}
		if vma.End > end {
			if err := c.mm.SplitVMA(t, vma, end, false); err != nil {
				return nil, err
			}
		}
	}
	// After a merge too: one that swallowed the VMA's successor (case 8) returns the VMA with
	// its old flags and context (REG-19).
	vma.Flags, vma.Userfault = attrs.Flags, attrs.Userfault
	vma.TraceFlags(t)
	return vma, nil
}
