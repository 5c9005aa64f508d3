package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// userfaultfdIoctl dispatches ioctl(2): userfaultfd_ioctl. arg is a user pointer of the
// current task. EINVAL for an unknown command, of which all 32 bits are compared (API-8).
// The 2015 code accepts every command before the handshake (API-7); since 4.3 every other
// command than UFFDIO_API returns EINVAL before it (§15.1).
func userfaultfdIoctl(t *sim.Task, f *vfs.File, cmd uint32, arg uint64) error {
	c := f.Private.(*Ctx)
	if c.facts.Handshake != HandshakeOpen && cmd != abi.UFFDIO_API && c.loadState(t) == StateWaitAPI {
		return errno.EINVAL
	}
	switch {
	case cmd == abi.UFFDIO_API:
		return userfaultfdAPI(t, c, arg)
	case cmd == abi.UFFDIO_REGISTER:
		return userfaultfdRegister(t, c, arg)
	case cmd == abi.UFFDIO_UNREGISTER:
		return userfaultfdUnregister(t, c, arg)
	case cmd == abi.UFFDIO_WAKE:
		return userfaultfdWake(t, c, arg)
	case cmd == abi.UFFDIO_COPY && c.facts.Offers(abi.MaskCopy):
		return userfaultfdCopy(t, c, arg)
	case cmd == abi.UFFDIO_ZEROPAGE && c.facts.Offers(abi.MaskZeropage):
		return userfaultfdZeropage(t, c, arg)
	}
	c.unmodelledIoctl(t, cmd)
	return errno.EINVAL
}

// userfaultfdAPI makes the handshake: userfaultfd_api. Errors, in order: EINVAL if it has
// already been made; EFAULT; EINVAL, with the struct zeroed, if the version or a feature
// is unknown; EFAULT. After any but the first the program may try again.
func userfaultfdAPI(t *sim.Task, c *Ctx, arg uint64) error {
	if c.facts.Handshake == HandshakeCompareExchange {
		return c.negotiate(t, arg)
	}
	if c.loadState(t) != StateWaitAPI {
		return errno.EINVAL
	}
	var b [abi.APISize]byte
	if err := mm.CopyFromUser(t, b[:], arg); err != nil {
		return err
	}
	var api abi.API
	api.Decode(b[:])
	if api.API != abi.APIVersion || api.Features&^c.facts.Features != 0 {
		return refuseAPI(t, arg)
	}
	asked := api.Features
	api.Features, api.Ioctls = c.facts.Features, c.facts.APIIoctls
	api.Encode(b[:])
	if err := mm.CopyToUser(t, arg, b[:]); err != nil {
		return err
	}
	// After the answer: if it could not be stored, the handshake has not been made
	// (API-5).
	c.state.Store(t, uint64(StateRunning))
	c.features.Store(t, asked)
	c.traceState(t)
	return nil
}

// negotiate makes the handshake: userfaultfd_api since 5.15. Errors, in order: EFAULT;
// EINVAL, with the struct zeroed, if the version or a feature is unknown; EFAULT; EINVAL,
// with the struct zeroed, if the handshake has already been made.
func (c *Ctx) negotiate(t *sim.Task, arg uint64) error {
	var b [abi.APISize]byte
	if err := mm.CopyFromUser(t, b[:], arg); err != nil {
		return err
	}
	var api abi.API
	api.Decode(b[:])
	features := api.Features
	if api.API != abi.APIVersion || features&^c.facts.Features != 0 {
		return refuseAPI(t, arg)
	}
	api.Features, api.Ioctls = c.facts.Features, c.facts.APIIoctls
	api.Encode(b[:])
	if err := mm.CopyToUser(t, arg, b[:]); err != nil {
		return err
	}
	if features&abi.FeatureWPAsync != 0 {
		features |= abi.FeatureWPUnpopulated
	}
	if !c.features.Cmpxchg(t, 0, features|abi.FeatureInitialized) {
		return refuseAPI(t, arg)
	}
	c.traceState(t)
	return nil
}

// refuseAPI zeroes the struct and returns EINVAL, or EFAULT if it cannot be written.
func refuseAPI(t *sim.Task, arg uint64) error {
	var b [abi.APISize]byte
	if err := mm.CopyToUser(t, arg, b[:]); err != nil {
		return err
	}
	return errno.EINVAL
}

// userfaultfdWake wakes the faults in a range, which are then retried: userfaultfd_wake.
// EFAULT for the argument, EINVAL for the range. Nothing needs to be mapped or registered
// there (WAKE-1).
func userfaultfdWake(t *sim.Task, c *Ctx, arg uint64) error {
	if c.dropped.Any() {
		return userfaultfdWakeWithout(t, c, arg)
	}
	var b [abi.RangeSize]byte
	if err := mm.CopyFromUser(t, b[:], arg); err != nil {
		return err
	}
	var r abi.Range
	r.Decode(b[:])
	if err := c.validateRange(r.Start, r.Len); err != nil {
		return err
	}
	sim.BugOn(t, r.Len == 0, "userfaultfd_wake", "a length of 0 would wake every fault")
	c.wakeUserfault(t, wakeRange{r.Start, r.Len})
	return nil
}
