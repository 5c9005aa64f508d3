package vfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// PollFd is an entry of poll(2)'s array: struct pollfd.
type PollFd struct {
	Fd      int
	Events  PollEvents
	Revents PollEvents
}

// PollWqueues are the queues that a poll in progress sleeps on: struct poll_wqueues. A
// task's polls use the same ones, one after the other, and so does nobody else.
type PollWqueues struct {
	triggered sim.Word // set by a waker: ask the files again before sleeping
	entries   []*pollEntry
	used      int
	file      *File      // being polled
	key       PollEvents // and for what
	table     PollTable
}

type pollEntry struct {
	wait sim.WaitQueueEntry
	pwq  *PollWqueues
	key  PollEvents // what the poll asked for
	head *sim.WaitQueueHead
	file *File // with a reference, so that the queue stays
}

// NewPollWqueues returns the queues of the task's polls, of which there are none yet:
// poll_initwait. It may be called once for a task.
func NewPollWqueues(t *sim.Task) *PollWqueues {
	pwq := new(PollWqueues)
	pwq.table.Wait = pwq.pollWait
	sim.Label(t, pwq, t.Name()+"'s poll", uint64(t.ID())<<32)
	return pwq
}

// Poll is poll(2) without a timeout (wait false) or with an endless one: do_sys_poll. It
// sets Revents and returns the number of descriptors with events; EINTR if a signal came
// first. No lock may be held.
func (pwq *PollWqueues) Poll(t *sim.Task, files *FDTable, fds []PollFd, wait bool) (int, error) {
	n, err := pwq.doPoll(t, files, fds, wait)
	pwq.free(t)
	return n, err
}

// doPoll asks every file, registering on its queues the first time, and sleeps until one
// of the queues has been woken: do_poll.
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
				pt = nil // there will be no sleep
			}
		}
		pt = nil // registered with all of them
		if ready > 0 {
			return ready, nil
		}
		if t.SignalPending() { // even if there is no time to wait
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

// pollOne asks one file: do_pollfd.
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

// pollWait joins a queue: __pollwait.
func (pwq *PollWqueues) pollWait(t *sim.Task, head *sim.WaitQueueHead) {
	if pwq.used == len(pwq.entries) {
		e := new(pollEntry)
		sim.Label(t, e, t.Name()+"'s poll entry", t.Unique())
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

// pollWake makes the poll ask its files again, and wakes it, unless it asked for other
// events than those of the wake-up: pollwake.
func pollWake(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	entry := e.Container.(*pollEntry)
	if key.Start != 0 && PollEvents(key.Start)&entry.key == 0 {
		return false
	}
	entry.pwq.triggered.Store(t, 1)
	return sim.DefaultWakeFunction(t, e, mode, key)
}

// free leaves all queues: poll_freewait.
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
