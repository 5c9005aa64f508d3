package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// validateRange checks a range of user addresses, in bytes: validate_range (RANGE-1 to
// RANGE-6). The error is EINVAL. It does not depend on the mappings in the range.
func (c *Ctx) validateRange(start, length uint64) error {
	if c.dropped.Any() {
		return c.validateRangeWithout(start, length)
	}
	if start&^mm.PageMask != 0 {
		return errno.EINVAL
	}
	return c.validateUnalignedRange(start, length)
}

// validateUnalignedRange checks a range whose start need not be page aligned, in bytes:
// validate_unaligned_range, since 6.6. The error is EINVAL.
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
	if length > c.mm.TaskSize-start { // not start+length > TaskSize: the sum may wrap around
		return errno.EINVAL
	}
	return nil
}

// userfaultfdRegister registers a range with the context, so that faults on its missing
// pages are delivered to it: userfaultfd_register. Errors, in order: EFAULT; EINVAL for
// the mode or the range; since 4.7 ENOMEM if the memory has been torn down; ENOMEM (since
// 6.3 EINVAL) if nothing is mapped at or above start; EINVAL if nothing is mapped in the
// range. Then, for the lowest unsuitable VMA: EINVAL if it is not plain anonymous memory,
// EBUSY if it belongs to another context. Last, ENOMEM if a split fails, which leaves the
// lower part of the range registered (REG-18), and EFAULT if the answer cannot be stored,
// which leaves all of it registered (REG-21). It takes mmap_lock for writing.
func userfaultfdRegister(t *sim.Task, c *Ctx, arg uint64) error {
	var b [abi.RegisterSize]byte
	// The out field behind the first three words is never read (REG-1).
	if err := mm.CopyFromUser(t, b[:abi.RegisterIoctlsOffset], arg); err != nil {
		return err
	}
	var u abi.Register
	u.Decode(b[:])
	if u.Mode == 0 {
		return errno.EINVAL
	}
	known := uint64(abi.RegisterModeMissing | abi.RegisterModeWP)
	if c.facts.Offers(abi.MaskContinue) {
		known |= abi.RegisterModeMinor
	}
	if u.Mode&^known != 0 {
		return errno.EINVAL
	}
	vmFlags := mm.VMFlags(0)
	if u.Mode&abi.RegisterModeMissing != 0 {
		vmFlags |= mm.VMUffdMissing
	}
	if u.Mode&abi.RegisterModeWP != 0 {
		if !c.facts.Offers(abi.MaskWriteprotect) { // REG-4
			return errno.EINVAL
		}
		vmFlags |= mm.VMUffdWP
	}
	if u.Mode&abi.RegisterModeMinor != 0 {
		vmFlags |= mm.VMUffdMinor
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
	// The kernel offers these two only for a range registered with the mode WP or MINOR.
	ioctls := c.facts.RangeIoctls &^ (abi.MaskWriteprotect | abi.MaskContinue)
	return mm.PutUser64(t, arg+abi.RegisterIoctlsOffset, ioctls)
}

// registerRange checks every VMA in [start, end) and then registers them one by one: the
// part of userfaultfd_register under mmap_lock, which must be held for writing.
func (c *Ctx) registerRange(t *sim.Task, start, end uint64, vmFlags mm.VMFlags) error {
	const where = "userfaultfd_register"
	vma, prev, err := c.firstVMA(t, start, end)
	if err != nil {
		return err
	}
	for cur := vma; cur != nil && cur.Start < end; cur = cur.Next() {
		bugOnHalfRegistered(t, cur, where)
		c.unmodelledMemory(t, cur)
		if !cur.CanUserfault(vmFlags) {
			return errno.EINVAL // REG-9
		}
		// A VMA has at most one context, which receives its faults (REG-10).
		if cur.Userfault != nil && cur.Userfault != c {
			return errno.EBUSY
		}
	}
	if vmFlags&mm.VMUffdWP != 0 {
		sim.Unmodelled(t, "UFFDIO_REGISTER_MODE_WP", "5.7")
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

// firstVMA returns the lowest VMA in [start, end), and the VMA below it, nil if none.
// ENOMEM (since 6.3 EINVAL) if nothing is mapped at or above start (REG-7), EINVAL if
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

// userfaultfdUnregister removes the registration of a range, of whichever context
// (UNREG-2): userfaultfd_unregister. The errors are those of userfaultfdRegister, except
// EBUSY and the last EFAULT; since 6.17 also EINVAL for a VMA of another context. Since
// 4.11 it wakes the faults in the range; before, it wakes none (UNREG-4). It takes
// mmap_lock for writing.
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

// unregisterRange checks every VMA in [start, end) and then unregisters them one by one:
// the part of userfaultfd_unregister under mmap_lock, which must be held for writing.
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
		c.unmodelledMemory(t, cur)
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
				// Under mmap_lock: the woken tasks cannot retry before the VMA has
				// changed.
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

// vmaModifyFlagsUffd sets the flags and the context (nil for none) of the part of vma in
// [start, end). It merges the part with a neighbour if possible, and otherwise splits it
// off. It returns the VMA that contains the part afterwards. ENOMEM if a split fails.
// mmap_lock must be held for writing. It recreates vma_modify_flags_uffd of 6.7, and the
// statements in its place in userfaultfd_register and userfaultfd_unregister before.
func (c *Ctx) vmaModifyFlagsUffd(t *sim.Task, prev, vma *mm.VMA, start, end uint64, newFlags mm.VMFlags, ctx *Ctx) (*mm.VMA, error) {
	attrs := vma.Attributes()
	if c.facts.Register.OffsetOfRange {
		attrs.Pgoff += (start - vma.Start) >> mm.PageShift
	}
	// Before 6.4 the kernel passes the page offset of the VMA's start even if the range
	// begins above it, and so misses a merge with the next VMA: a bug of the 2015 code
	// (REG-16).
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
	// Also after a merge: case 8 of vma_merge, which absorbs the next VMA, returns a VMA
	// with its old flags and context (REG-19).
	vma.Flags, vma.Userfault = attrs.Flags, attrs.Userfault
	vma.TraceFlags(t)
	return vma, nil
}
