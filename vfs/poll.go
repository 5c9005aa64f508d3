package vfs

import "github.com/uffdsim/uffdsim/sim"

// PollEvents is a mask of POLL bits: POLLIN and so on.
type PollEvents uint32

// The events.
const (
	PollIn   PollEvents = 0x1
	PollErr  PollEvents = 0x8
	PollHup  PollEvents = 0x10
	PollNval PollEvents = 0x20 // the descriptor is not open; set by poll(2), never by a file
)

// defaultPollMask is the result for a file without ->poll: DEFAULT_POLLMASK (POLLIN,
// POLLOUT, POLLRDNORM and POLLWRNORM).
const defaultPollMask PollEvents = 0x145

// PollTable is passed to ->poll, which registers the polling task on the file's wait
// queues through it: the kernel's poll_table. A nil *PollTable registers nothing.
type PollTable struct {
	// Wait adds an entry for the polling task to the queue.
	Wait func(t *sim.Task, q *sim.WaitQueueHead)
}

// PollWait registers the polling task on the queue unless pt is nil: poll_wait. It takes
// the queue's lock.
func PollWait(t *sim.Task, q *sim.WaitQueueHead, pt *PollTable) {
	if pt != nil {
		pt.Wait(t, q)
	}
}
