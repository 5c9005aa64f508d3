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
	wait := mm.Current(t).WaitEntry(t)
	start := t.Bookmark()
	c.fdWqh.Lock.Lock(t)
	if c.obeys(JoinBeforeLook) {
		c.fdWqh.Add(t, wait)
	}
	for {
		// Joined the queue, announced the sleep, and only then looks: a fault that comes
		// after the look finds somebody to wake (READ-9).
		switch {
		case !c.obeys(JoinBeforeLook):
		case c.obeys(BarrierAfterReaderState):
			t.SetState(sim.Interruptible)
		default:
			t.SetStateUnordered(sim.Interruptible)
		}
		c.lockQueues(t, "userfaultfd_ctx_read")
		if uwq := c.findUserfault(t); uwq != nil {
			c.refile(t, uwq)
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
		if !c.obeys(JoinBeforeLook) {
			c.joinLate(t, wait)
		}
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

// refile moves a fault from the pending queue to that of the faults that have been
// read. fault_pending_wqh.lock must be held.
func (c *Ctx) refile(t *sim.Task, uwq *waitQueue) {
	if !c.obeys(ReadRefiles) {
		return
	}
	q := uwq.leave()
	if c.countsRefiles() {
		c.refileSeq.WriteBegin(t)
	}
	switch {
	case !c.obeys(PlainDeleteAtRefile):
		q.DelInit(t, &uwq.wq)
	default:
		// A plain delete, not one that links the entry to itself: its owner would take
		// it for removed by a waker, and be gone before it is in the other queue.
		q.Del(t, &uwq.wq)
	}
	uwq.use(t, "userfaultfd_ctx_read")
	c.faultWqh.add(t, uwq)
	if c.countsRefiles() {
		c.refileSeq.WriteEnd(t)
	}
}

// joinLate is what a reader does that has looked for faults before it joined fd_wqh.
func (c *Ctx) joinLate(t *sim.Task, wait *sim.WaitQueueEntry) {
	c.fdWqh.Lock.Lock(t)
	if !wait.Queued() {
		c.fdWqh.Add(t, wait)
	}
	t.SetState(sim.Interruptible)
	c.fdWqh.Lock.Unlock(t)
}

// userfaultfdRead copies messages to buf, as many as count bytes have room for:
// userfaultfd_read. It returns the bytes stored, and an error only if there are
// none: EINVAL before the handshake or with less room than a message, EAGAIN,
// ERESTARTSYS, or EFAULT, which loses the message that could not be stored (READ-6).
func userfaultfdRead(t *sim.Task, f *mm.File, buf, count uint64) (uint64, error) {
	c := f.Private.(*Ctx)
	noWait := f.Flags(t)&abi.ONonblock != 0
	switch state := State(c.state.Load(t)); state {
	case StateWaitAPI:
		return 0, errno.EINVAL
	default:
		sim.BugOn(t, state != StateRunning, "userfaultfd_read", "the state is none that there is")
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
		noWait = noWait || c.obeys(OnlyFirstReadBlocks) // READ-4
	}
}

// userfaultfdPoll reports POLLIN if a fault is pending: userfaultfd_poll. It is
// POLLERR before the handshake and on a file that blocks, since a reader that
// trusted POLLIN could block after all (POLL-5).
func userfaultfdPoll(t *sim.Task, f *mm.File, pt *mm.PollTable) mm.PollEvents {
	c := f.Private.(*Ctx)
	if c.obeys(PollJoinsFirst) {
		mm.PollWait(t, &c.fdWqh, pt) // first, even if all that follows is an error (POLL-1)
	}
	state := State(c.state.Load(t))
	if state == StateWaitAPI {
		return mm.PollErr
	}
	sim.BugOn(t, state != StateRunning, "userfaultfd_poll", "the state is none that there is")
	if f.Flags(t)&abi.ONonblock == 0 {
		return mm.PollErr
	}
	// The queue joined above must be visible before this one is looked at, or a fault
	// between the two would find no poller (POLL-4).
	if c.obeys(BarrierBeforePollLook) {
		t.SmpMb()
	}
	pending := c.faultPendingWqh.Active(t)
	if !c.obeys(PollJoinsFirst) {
		mm.PollWait(t, &c.fdWqh, pt)
	}
	if pending {
		return mm.PollIn
	}
	return 0
}
