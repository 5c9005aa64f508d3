package vfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// PollFd is an entry of poll(2)'s array: struct pollfd.
type PollFd struct {
	Fd      int        // the descriptor; a negative one disables the entry
	Events  PollEvents // the requested events
	Revents PollEvents // the returned events
}

// PollWqueues holds the wait-queue entries of a poll in progress: struct poll_wqueues.
// Each task has its own, which all its polls reuse. Only that task accesses it, except
// for triggered.
type PollWqueues struct {
	triggered sim.Word     // set by a waker: poll the files again before sleeping
	entries   []*pollEntry // [0, used) are queued; the rest are kept for reuse
	used      int
	file      *File      // the file being polled
	key       PollEvents // the events requested of it
	table     PollTable
}

// pollEntry is one registration of a poll on a wait queue: struct poll_table_entry. It is
// immutable while queued.
type pollEntry struct {
	wait sim.WaitQueueEntry
	pwq  *PollWqueues
	key  PollEvents // the requested events
	head *sim.WaitQueueHead
	file *File // the entry holds a reference, which keeps the queue alive
}

// NewPollWqueues returns an empty PollWqueues for the task: poll_initwait. Call it at
// most once for each task.
func NewPollWqueues(t *sim.Task) *PollWqueues {
	pwq := new(PollWqueues)
	pwq.table.Wait = pwq.pollWait
	sim.Label(t, pwq, t.Name()+"'s poll", uint64(t.ID())<<32)
	return pwq
}

// Poll executes poll(2) with a timeout of zero (wait is false) or none: do_sys_poll. It
// sets Revents and returns the number of descriptors with events, or EINTR if a signal
// arrived first. No lock may be held.
func (pwq *PollWqueues) Poll(t *sim.Task, files *FDTable, fds []PollFd, wait bool) (int, error) {
	n, err := pwq.doPoll(t, files, fds, wait)
	pwq.free(t)
	return n, err
}

// doPoll polls every file until at least one has events: do_poll. The first round
// registers on the files' queues; between rounds the task sleeps until one of these
// queues is woken.
func (pwq *PollWqueues) doPoll(t *sim.Task, files *FDTable, fds []PollFd, wait bool) (int, error) {
	pwq.triggered.Reset(t, 0)
	pt := &pwq.table
	if !wait {
		pt = nil
	}
	for {
		ready := 0
		for i := range fds {
			if fds[i].Revents = pwq.pollOne(t, files, &fds[i], pt); fds[i].Revents != 0 {
				ready++
				pt = nil // the task will not sleep, so stop registering
			}
		}
		pt = nil // registered on all queues
		if ready > 0 {
			return ready, nil
		}
		if t.SignalPending() { // even with a timeout of zero
			return 0, errno.EINTR
		}
		if !wait {
			return 0, nil
		}
		t.SetState(sim.Interruptible)
		if pwq.triggered.Load(t) == 0 {
			t.Schedule()
		}
		t.SetRunning()
		pwq.triggered.Store(t, 0)
	}
}

// pollOne polls one file and returns its events: do_pollfd.
func (pwq *PollWqueues) pollOne(t *sim.Task, files *FDTable, p *PollFd, pt *PollTable) PollEvents {
	if p.Fd < 0 {
		return 0 // the caller disabled the entry
	}
	f, err := files.Fget(t, p.Fd)
	if err != nil {
		return PollNval
	}
	asked := p.Events | PollErr | PollHup
	events := defaultPollMask
	if f.Ops.Poll != nil {
		pwq.file, pwq.key = f, asked
		events = f.Ops.Poll(t, f, pt)
	}
	f.Put(t)
	return events & asked
}

// pollWait adds an entry for the poll to a queue: __pollwait. It takes the queue's lock.
func (pwq *PollWqueues) pollWait(t *sim.Task, head *sim.WaitQueueHead) {
	if pwq.used == len(pwq.entries) {
		e := new(pollEntry)
		sim.Label(t, e, t.Name()+"'s poll entry", uint64(t.ID())<<32|uint64(len(pwq.entries)))
		pwq.entries = append(pwq.entries, e)
	}
	e := pwq.entries[pwq.used]
	pwq.used++
	pwq.file.Get(t)
	e.head, e.file, e.pwq, e.key = head, pwq.file, pwq, pwq.key
	e.wait.Task, e.wait.Func, e.wait.Container = t, pollWake, e
	head.Lock.Lock(t)
	head.Add(t, &e.wait)
	head.Lock.Unlock(t)
}

// pollWake makes the poll check its files again and wakes its task, unless the key names
// events and none of them was requested: pollwake. The queue's lock is held.
func pollWake(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	entry := e.Container.(*pollEntry)
	if key.Start != 0 && PollEvents(key.Start)&entry.key == 0 {
		return false
	}
	entry.pwq.triggered.Store(t, 1)
	return sim.DefaultWakeFunction(t, e, mode, key)
}

// free removes the poll's entries from all queues: poll_freewait. It takes the queues'
// locks.
func (pwq *PollWqueues) free(t *sim.Task) {
	for _, e := range pwq.entries[:pwq.used] {
		e.head.Lock.Lock(t)
		e.head.Del(t, &e.wait)
		e.head.Lock.Unlock(t)
		e.file.Put(t)
		e.file, e.head = nil, nil
	}
	pwq.used, pwq.file = 0, nil
}
