package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// ctxRead takes the oldest pending fault: userfaultfd_ctx_read. It sleeps for one
// unless noWait. The error is EAGAIN if there is none and noWait, ERESTARTSYS if a
// signal ended the wait; a fault that is there comes before either (READ-7).
func (c *Ctx) ctxRead(t *sim.Task, noWait bool, msg *abi.Msg) (err error) {
	wait := &mm.Current(t).Wait
	wait.Task, wait.Func = t, sim.DefaultWakeFunction
	c.fdWqh.Lock.Lock(t)
	c.fdWqh.Add(t, wait)
	for {
		// Joined the queue, announced the sleep, and only then looks: a fault that comes
		// after the look finds somebody to wake (READ-9).
		t.SetState(sim.Interruptible)
		c.faultPendingWqh.Lock.Lock(t)
		if uwq := c.findUserfault(t); uwq != nil {
			// A plain delete, not one that links the entry to itself: its owner would take
			// it for removed by a waker, and be gone before it is in the other queue.
			uwq.del(t)
			c.faultWqh.add(t, uwq)
			*msg = uwq.msg // while the lock keeps it in existence
			c.faultPendingWqh.Lock.Unlock(t)
			break
		}
		c.faultPendingWqh.Lock.Unlock(t)
		if t.SignalPending() {
			err = errno.ERESTARTSYS
			break
		}
		if noWait {
			err = errno.EAGAIN
			break
		}
		c.fdWqh.Lock.Unlock(t)
		t.Schedule()
		c.fdWqh.Lock.Lock(t)
	}
	c.fdWqh.Del(t, wait)
	t.SetRunning()
	c.fdWqh.Lock.Unlock(t)
	return err
}

// userfaultfdRead copies messages to buf, as many as count bytes have room for:
// userfaultfd_read. It returns the bytes stored, and an error only if there are
// none: EINVAL before the handshake or with less room than a message, EAGAIN,
// ERESTARTSYS, or EFAULT, which loses the message that could not be stored (READ-6).
func userfaultfdRead(t *sim.Task, f *mm.File, buf, count uint64) (uint64, error) {
	c := f.Private.(*Ctx)
	noWait := f.Flags(t)&abi.ONonblock != 0
	if State(c.state.Load(t)) == StateWaitAPI {
		return 0, errno.EINVAL
	}
	var done uint64
	for {
		var msg abi.Msg
		err := error(errno.EINVAL)
		if count >= abi.MsgSize {
			err = c.ctxRead(t, noWait, &msg)
			if err == nil {
				var b [abi.MsgSize]byte
				msg.Encode(b[:])
				err = mm.CopyToUser(t, buf, b[:])
			}
		}
		if err != nil {
			if done > 0 {
				return done, nil // READ-5: what went wrong after a message is forgotten
			}
			return 0, err
		}
		done, buf, count = done+abi.MsgSize, buf+abi.MsgSize, count-abi.MsgSize
		noWait = true // READ-4: only the first may be waited for
	}
}

// userfaultfdPoll reports POLLIN if a fault is pending: userfaultfd_poll. It is
// POLLERR before the handshake and on a file that blocks, since a reader that
// trusted POLLIN could block after all (POLL-5).
func userfaultfdPoll(t *sim.Task, f *mm.File, pt *mm.PollTable) mm.PollEvents {
	c := f.Private.(*Ctx)
	mm.PollWait(t, &c.fdWqh, pt) // first, even if all that follows is an error (POLL-1)
	switch {
	case State(c.state.Load(t)) == StateWaitAPI:
		return mm.PollErr
	case f.Flags(t)&abi.ONonblock == 0:
		return mm.PollErr
	}
	// The queue joined above must be visible before this one is looked at, or a fault
	// between the two would find no poller (POLL-4).
	t.SmpMb()
	if c.faultPendingWqh.Active(t) {
		return mm.PollIn
	}
	return 0
}
