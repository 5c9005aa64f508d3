package vfs

import "github.com/uffdsim/uffdsim/sim"

// PollEvents are the POLL bits of poll(2).
type PollEvents uint32

// The events.
const (
	PollIn   PollEvents = 0x1
	PollErr  PollEvents = 0x8
	PollHup  PollEvents = 0x10
	PollNval PollEvents = 0x20 // the descriptor is not open; set by poll(2), never by a file
)

// defaultPollMask is what a file without ->poll is always ready for: DEFAULT_POLLMASK
// (POLLIN, POLLOUT, POLLRDNORM and POLLWRNORM).
const defaultPollMask PollEvents = 0x145

// PollTable collects the wait queues that a poll(2) in progress has to sleep on:
// the kernel's poll_table. A nil *PollTable registers nowhere.
type PollTable struct {
	// Wait is called for each queue: it adds an entry of the polling task.
	Wait func(t *sim.Task, q *sim.WaitQueueHead)
}

// PollWait registers the polling task on the queue: poll_wait.
func PollWait(t *sim.Task, q *sim.WaitQueueHead, pt *PollTable) {
	if pt != nil {
		pt.Wait(t, q)
	}
}
