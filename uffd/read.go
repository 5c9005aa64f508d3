package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// ctxRead takes the oldest pending fault: userfaultfd_ctx_read. It sleeps until there is one,
// unless noWait. A pending fault comes first; if none, the error is ERESTARTSYS for a pending
// signal, then EAGAIN if noWait (READ-7).
func (c *Ctx) ctxRead(t *sim.Task, noWait bool, msg *abi.Msg) (err error) {
	if c.dropped.Any() {
		return c.ctxReadWithout(t, noWait, msg)
	}
	const where = "userfaultfd_ctx_read"
	wait := mm.Current(t).WaitEntry(t)
	start := t.Bookmark()
	c.fdWqh.Lock.Lock(t)
	c.fdWqh.Add(t, wait)
	for {
		// Join the queue, set the state, and only then look: a fault that comes after the look
		// finds a reader to wake (READ-9).
		t.SetState(sim.Interruptible)
		c.lockQueues(t, where)
		uwq := c.findUserfault(t)
		if uwq != nil {
			c.refileSeq.WriteBegin(t)
			// QUEUE-4. A plain delete, not one that links the entry to itself: its task would
			// take it for removed by a waker, and return before it is in the other queue.
			c.faultPendingWqh.Del(t, &uwq.wq)
			uwq.use(t, where)
			c.faultWqh.add(t, uwq)
			c.refileSeq.WriteEnd(t)
			c.traceRead(t, uwq)
			*msg = uwq.msg // while the lock keeps it in existence
			c.faultPendingWqh.Lock.Unlock(t)
			break
		}
		c.faultPendingWqh.Lock.Unlock(t)
		t.ForgetSince(start, "nothing pending", nil) // and not how many have been read
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
	t.ForgetSince(start, "looked", func(s *sim.Summary) {
		sumUpMsg(s, msg)
		no, _ := err.(errno.Errno)
		s.Add(uint64(no))
	})
	c.fdWqh.Del(t, wait)
	t.SetRunning()
	c.fdWqh.Lock.Unlock(t)
	return err
}

// userfaultfdRead copies as many messages to buf as count bytes have room for:
// userfaultfd_read. It returns the bytes stored, and an error only if there are none: EINVAL
// before the handshake or with room for less than a message, EAGAIN, ERESTARTSYS, or EFAULT,
// which loses the message that could not be stored (READ-6).
func userfaultfdRead(t *sim.Task, f *vfs.File, buf, count uint64) (uint64, error) {
	c := f.Private.(*Ctx)
	if c.dropped.Any() {
		return userfaultfdReadWithout(t, f, buf, count)
	}
	noWait := f.Flags(t)&abi.ONonblock != 0
	state := c.loadState(t)
	if state == StateWaitAPI {
		return 0, errno.EINVAL
	}
	sim.BugOn(t, state != StateRunning, "userfaultfd_read", "unknown state")
	var done uint64
	for {
		// READ-5: an error behind a message is forgotten.
		if count < abi.MsgSize {
			if done > 0 {
				return done, nil
			}
			return 0, errno.EINVAL
		}
		var msg abi.Msg
		if err := c.ctxRead(t, noWait, &msg); err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
		var b [abi.MsgSize]byte
		msg.Encode(b[:])
		if err := mm.CopyToUser(t, buf, b[:]); err != nil {
			if done > 0 {
				return done, nil
			}
			return 0, err
		}
		done += abi.MsgSize
		buf += abi.MsgSize
		count -= abi.MsgSize
		noWait = true // READ-4: only the first message is waited for
	}
}

// userfaultfdPoll reports POLLIN if a fault is pending: userfaultfd_poll. It is POLLERR before
// the handshake, and on a file that blocks: a reader that trusted POLLIN could block after all
// (POLL-5).
func userfaultfdPoll(t *sim.Task, f *vfs.File, pt *vfs.PollTable) vfs.PollEvents {
	c := f.Private.(*Ctx)
	if c.dropped.Any() {
		return userfaultfdPollWithout(t, f, pt)
	}
	vfs.PollWait(t, &c.fdWqh, pt) // first, even if all that follows is an error (POLL-1)
	switch c.loadState(t) {
	case StateWaitAPI:
		return vfs.PollErr
	case StateRunning:
		if f.Flags(t)&abi.ONonblock == 0 {
			return vfs.PollErr
		}
		// The queue joined above must be visible before this one is looked at, or a fault
		// between the two would find no poller (POLL-4).
		t.SmpMb()
		pending := c.faultPendingWqh.Active(t)
		if pending {
			return vfs.PollIn
		}
		return 0
	}
	sim.BugOn(t, true, "userfaultfd_poll", "unknown state")
	return 0
}
