package uffd

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// ctxRead moves the oldest pending fault to fault_wqh and stores its message in msg:
// userfaultfd_ctx_read. If no fault is pending, it returns ERESTARTSYS if a signal is
// pending, else EAGAIN if noWait, else it sleeps (READ-7). It takes fd_wqh.lock, and
// fault_pending_wqh.lock inside it.
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
		// Join the queue and set the state before checking for a fault, so that a fault
		// queued after the check finds a reader to wake (READ-9).
		t.SetState(sim.Interruptible)
		c.lockQueues(t, where)
		uwq := c.findUserfault(t)
		if uwq != nil {
			c.refileSeq.WriteBegin(t)
			// QUEUE-4. Do not link the entry to itself: its task would conclude that a
			// waker removed it, and return before the entry is in the other queue.
			c.faultPendingWqh.Del(t, &uwq.wq)
			uwq.use(t, where)
			c.faultWqh.add(t, uwq)
			c.refileSeq.WriteEnd(t)
			c.traceRead(t, uwq)
			*msg = uwq.msg // under the lock, which keeps the entry alive
			c.faultPendingWqh.Lock.Unlock(t)
			break
		}
		c.faultPendingWqh.Lock.Unlock(t)
		t.AbstractSince(start, "nothing pending", nil) // the read faults do not matter
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
	t.AbstractSince(start, "looked", func(s *sim.Summary) {
		sumUpMsg(s, msg)
		no, _ := err.(errno.Errno)
		s.Add(uint64(no))
	})
	c.fdWqh.Del(t, wait)
	t.SetRunning()
	c.fdWqh.Lock.Unlock(t)
	return err
}

// userfaultfdRead copies pending messages to buf while count bytes have room for one:
// userfaultfd_read. It returns the number of bytes stored, or an error if none were:
// EINVAL before the handshake, EINVAL if count is less than the size of a message,
// ERESTARTSYS, EAGAIN, or EFAULT. A message that could not be stored is lost (READ-6).
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
		// READ-5: after the first message, an error ends the read and is not reported.
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
		noWait = true // READ-4: read only sleeps for the first message
	}
}

// userfaultfdPoll returns POLLIN if a fault is pending, else 0: userfaultfd_poll. It
// returns POLLERR before the handshake, and for a blocking file: there a read may sleep
// even after POLLIN (POLL-5).
func userfaultfdPoll(t *sim.Task, f *vfs.File, pt *vfs.PollTable) vfs.PollEvents {
	c := f.Private.(*Ctx)
	if c.dropped.Any() {
		return userfaultfdPollWithout(t, f, pt)
	}
	vfs.PollWait(t, &c.fdWqh, pt) // first, even if the result is POLLERR (POLL-1)
	switch c.loadState(t) {
	case StateWaitAPI:
		return vfs.PollErr
	case StateRunning:
		if f.Flags(t)&abi.ONonblock == 0 {
			return vfs.PollErr
		}
		// The poller must be visible in fd_wqh before it checks fault_pending_wqh, or a
		// fault queued in between would find no poller to wake (POLL-4).
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
