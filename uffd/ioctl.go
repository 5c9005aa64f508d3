package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// userfaultfdIoctl is userfaultfd_ioctl. arg is a user pointer of the current task.
// A command that the version does not know is EINVAL; all 32 bits count (API-8). The
// handshake is no condition for any command in 2015 (API-7); since 4.3 it is (§15.1).
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
	return errno.EINVAL
}

// userfaultfdAPI is the handshake: userfaultfd_api. EINVAL if it has been made
// already, EFAULT, or EINVAL with the struct zeroed if the version or a feature asked
// for is unknown; after each of the last two it may be tried again.
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
	// Only now: a handshake whose answer could not be stored has not been made (API-5).
	c.state.Store(t, uint64(StateRunning))
	c.features.Store(t, asked)
	c.traceState(t)
	return nil
}

// negotiate is userfaultfd_api since 5.15: EFAULT; EINVAL, with the struct zeroed, for the
// version, for features that there are not, and last, when the answer has been stored, for a
// handshake that has been made already.
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

// refuseAPI zeroes the struct: EINVAL, or EFAULT.
func refuseAPI(t *sim.Task, arg uint64) error {
	var b [abi.APISize]byte
	if err := mm.CopyToUser(t, arg, b[:]); err != nil {
		return err
	}
	return errno.EINVAL
}

// userfaultfdWake wakes the faults of a range, which are then made again: userfaultfd_wake.
// EFAULT or EINVAL for the argument; nothing needs to be mapped or registered there (WAKE-1).
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
	sim.BugOn(t, r.Len == 0, "userfaultfd_wake", "a length of 0 would wake everybody")
	c.wakeUserfault(t, wakeRange{r.Start, r.Len})
	return nil
}
