package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// validateRange checks a range of user addresses, in bytes: validate_range (RANGE-1
// to RANGE-6). The error is EINVAL. It says nothing of what is mapped there.
func (c *Ctx) validateRange(start, length uint64) error {
	misshapen := func() bool { return start%mm.PageSize != 0 || length%mm.PageSize != 0 || length == 0 }
	misplaced := func() bool { return c.misplaced(start, length) }
	first, second := misshapen, misplaced
	if !c.obeys(ValidateInOrder) {
		first, second = misplaced, misshapen
	}
	if first() || second() {
		return errno.EINVAL
	}
	return nil
}

// misplaced reports whether a range is not all user addresses that may be used.
func (c *Ctx) misplaced(start, length uint64) bool {
	return start < c.mm.MmapMinAddr && !c.version.NoLowAddress || start >= c.mm.TaskSize ||
		length > c.mm.TaskSize-start // not start+length, which may wrap around
}

// registerFlags translates the modes of UFFDIO_REGISTER: EINVAL for none, for
// unknown ones, and for write-protect tracking, which 2015 knows by name only (REG-2
// to REG-4).
func registerFlags(mode uint64) (mm.VMFlags, error) {
	if mode == 0 || mode&^uint64(abi.RegisterModeMissing|abi.RegisterModeWP) != 0 || mode&abi.RegisterModeWP != 0 {
		return 0, errno.EINVAL
	}
	return mm.VMUffdMissing, nil
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
	var r abi.Register
	r.Decode(b[:])
	flags, err := registerFlags(r.Mode)
	if err != nil {
		return err
	}
	if err := c.validateRange(r.Range.Start, r.Range.Len); err != nil {
		return err
	}
	if err := c.changeLocked(t, r.Range, registration{c, flags}); err != nil {
		return err
	}
	// What write-protection and minor faults would need is offered with those modes only.
	ioctls := c.version.RangeIoctls &^ (abi.MaskWriteprotect | abi.MaskContinue)
	return mm.PutUser64(t, arg+abi.RegisterIoctlsOffset, ioctls)
}

// userfaultfdUnregister makes a range plain memory again, whichever context it
// belongs to (UNREG-2): userfaultfd_unregister. Errors as for register, without EBUSY.
// Nobody is woken (UNREG-4).
func userfaultfdUnregister(t *sim.Task, c *Ctx, arg uint64) error {
	var b [abi.RangeSize]byte
	if err := mm.CopyFromUser(t, b[:], arg); err != nil {
		return err
	}
	var r abi.Range
	r.Decode(b[:])
	if err := c.validateRange(r.Start, r.Len); err != nil {
		return err
	}
	return c.changeLocked(t, r, registration{})
}

// changeLocked is changeRange with mmap_lock. The error is ENOMEM if the memory has gone.
func (c *Ctx) changeLocked(t *sim.Task, r abi.Range, to registration) error {
	if !c.mmget(t) {
		return errno.ENOMEM
	}
	c.mm.MmapLock.DownWrite(t)
	err := c.changeRange(t, r.Start, r.Start+r.Len, to)
	c.mm.MmapLock.UpWrite(t)
	c.mmput(t)
	return err
}

// registration is what becomes of a range: registered with a context and flags, or,
// if it is zero, with nobody.
type registration struct {
	ctx   *Ctx
	flags mm.VMFlags
}

func (r registration) function() string {
	if r.ctx == nil {
		return "userfaultfd_unregister"
	}
	return "userfaultfd_register"
}

// userfault is the context as a VMA holds it: a nil *Ctx in an interface would not be
// nil.
func (r registration) userfault() mm.Userfault {
	if r.ctx == nil {
		return nil
	}
	return r.ctx
}

// refuses says why a VMA cannot be part of the range, before anything is changed
// (REG-9, UNREG-1).
func (c *Ctx) refuses(vma *mm.VMA, r registration) error {
	switch {
	case r.ctx == nil && c.version.OwnerUnregisters && vma.Userfault != nil && vma.Userfault != c:
		return errno.EINVAL
	case !vma.IsAnonymous():
		return errno.EINVAL
	case r.ctx != nil && vma.Userfault != nil && vma.Userfault != r.ctx:
		// With two owners nobody would know whom to send the faults to.
		return errno.EBUSY
	}
	return nil
}

// holds reports whether the VMA is already what it is to become (REG-12, UNREG-3).
func (r registration) holds(vma *mm.VMA) bool {
	if r.ctx == nil {
		return vma.Userfault == nil
	}
	return vma.Userfault == r.ctx && vma.Flags&r.flags == r.flags
}

// newFlags are the VMA's flags once it is part of the range (REG-14, UNREG-5).
func (r registration) newFlags(vma *mm.VMA) mm.VMFlags {
	if r.ctx == nil {
		return vma.Flags &^ mm.VMUffd
	}
	return vma.Flags&^r.flags | r.flags
}

// changeRange is the part of register and unregister under mmap_lock, which must be
// held for writing: it checks every VMA in [start, end), then changes them one by
// one.
func (c *Ctx) changeRange(t *sim.Task, start, end uint64, r registration) error {
	vma, prev := c.mm.FindVMAPrev(t, start)
	if vma == nil && !c.version.NothingIsInvalid {
		return errno.ENOMEM // REG-7
	}
	if vma == nil || vma.Start >= end {
		return errno.EINVAL // REG-8
	}
	where := r.function()
	for cur := vma; cur != nil && cur.Start < end; cur = cur.Next() {
		bugOnHalfRegistered(t, cur, where)
		if err := c.refuses(cur, r); err != nil {
			return err
		}
	}
	if vma.Start < start {
		prev = vma
	}
	for vma != nil && vma.Start < end {
		if !r.holds(vma) {
			start = max(start, vma.Start) // a hole was crossed (REG-13)
			if r.ctx == nil && c.version.WakesUnregistered {
				// While the lock keeps those who wake up from finding the VMA as it was.
				c.wakeUserfault(t, wakeRange{start, min(end, vma.End) - start})
			}
			changed, err := c.changeVMA(t, vma, prev, start, end, r)
			if err != nil {
				return err // what has been done stays done (REG-18)
			}
			vma = changed
		}
		prev, start, vma = vma, vma.End, vma.Next() // REG-20
	}
	return nil
}

// changeVMA changes the part of vma that lies in [start, end), by growing a
// neighbour over it if that is possible and by splitting it off if not, and returns
// the VMA that it is part of now. The error is ENOMEM.
func (c *Ctx) changeVMA(t *sim.Task, vma, prev *mm.VMA, start, end uint64, r registration) (*mm.VMA, error) {
	attrs := vma.Attributes()
	if c.version.OffsetOfRange {
		attrs.Pgoff += (start - vma.Start) >> mm.PageShift
	}
	// The page offset handed over is that of the VMA's own start, also where the range
	// begins further up. So a merge with the right neighbour is missed that an offset
	// for the range's start would find: the seed's own mistake (REG-16), until 6.4.
	attrs.Flags, attrs.Userfault = r.newFlags(vma), r.userfault()
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
	// After a merge too: one that swallowed the VMA's successor (case 8) returns the
	// VMA as it was (REG-19).
	vma.Flags, vma.Userfault = attrs.Flags, attrs.Userfault
	vma.TraceFlags(t)
	return vma, nil
}
