package machine

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// PollNval is what poll(2) reports for a descriptor that is not open.
const PollNval mm.PollEvents = 0x20

// defaultPollMask is what a file without ->poll is ready for, always: DEFAULT_POLLMASK.
// (POLLIN, POLLOUT, POLLRDNORM and POLLWRNORM.)
const defaultPollMask mm.PollEvents = 0x145

// PollFd is an entry of poll(2)'s array: struct pollfd.
type PollFd struct {
	Fd      int
	Events  mm.PollEvents
	Revents mm.PollEvents
}

// pollWqueues are the queues that a poll in progress sleeps on: struct poll_wqueues.
type pollWqueues struct {
	triggered sim.Word // set by a waker: look again before sleeping
	entries   []*pollEntry
	used      int
	file      *mm.File      // being polled
	key       mm.PollEvents // and for what
	table     mm.PollTable
}

type pollEntry struct {
	wait sim.WaitQueueEntry
	pwq  *pollWqueues
	key  mm.PollEvents // what the poll asked for
	head *sim.WaitQueueHead
	file *mm.File // holds a reference, so that the queue stays
}

// Poll is poll(2) without a timeout (wait false) or with an endless one. It returns
// the number of descriptors with events; EINTR if a signal came first.
func (t *Task) Poll(fds []PollFd, wait bool) (int, error) {
	t.enter("poll", uint64(len(fds)))
	if t.poll == nil {
		t.poll = new(pollWqueues)
		t.poll.table.Wait = t.poll.pollWait
		sim.Label(t.Task, t.poll, t.Name()+"'s poll", uint64(t.ID())<<32)
	}
	n, err := t.doPoll(fds, wait)
	t.poll.free(t.Task)
	_, err = t.leave("poll", uint64(n), err)
	return n, err
}

// doPoll is do_poll: ask every file, registering on its queues the first time, and
// sleep until one of them has been woken.
func (t *Task) doPoll(fds []PollFd, wait bool) (int, error) {
	pwq := t.poll
	pwq.triggered.Reset(t.Task, 0)
	pt := &pwq.table
	if !wait {
		pt = nil
	}
	for {
		ready := 0
		for i := range fds {
			if fds[i].Revents = t.pollOne(&fds[i], pt); fds[i].Revents != 0 {
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
		if pwq.triggered.Load(t.Task) == 0 {
			t.Schedule()
		}
		t.SetRunning()
		pwq.triggered.Store(t.Task, 0)
	}
}

// pollOne asks one file: do_pollfd.
func (t *Task) pollOne(p *PollFd, pt *mm.PollTable) mm.PollEvents {
	if p.Fd < 0 {
		return 0 // an entry that is to be passed over
	}
	f, err := t.Process.files.fget(t.Task, p.Fd)
	if err != nil {
		return PollNval
	}
	asked := p.Events | mm.PollErr | mm.PollHup
	events := defaultPollMask
	if f.Ops.Poll != nil {
		t.poll.file, t.poll.key = f, asked
		events = f.Ops.Poll(t.Task, f, pt)
	}
	f.Put(t.Task)
	return events & asked
}

// pollWait joins a queue: __pollwait.
func (pwq *pollWqueues) pollWait(t *sim.Task, head *sim.WaitQueueHead) {
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

// pollWake tells the poll to look again, and wakes it, unless it asked for other
// events: pollwake.
func pollWake(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
	entry := e.Container.(*pollEntry)
	if key.Start != 0 && mm.PollEvents(key.Start)&entry.key == 0 {
		return false
	}
	entry.pwq.triggered.Store(t, 1)
	return sim.DefaultWakeFunction(t, e, mode, key)
}

// free leaves all queues: poll_freewait.
func (pwq *pollWqueues) free(t *sim.Task) {
	for _, e := range pwq.entries[:pwq.used] {
		e.head.Lock.Lock(t)
		e.head.Del(t, &e.wait)
		e.head.Lock.Unlock(t)
		e.file.Put(t)
		e.file, e.head = nil, nil
	}
	pwq.used, pwq.file = 0, nil
}
