package lts

import "github.com/uffdsim/uffdsim/sim"

// sem is a semaphore: see [sim.RWSem], whose rules it follows.
type sem struct {
	readers uint8
	writer  int8 // the task that holds it for writing plus one, 0 if none
	waiters uint8
	queue   [maxWaiters]int8 // the tasks that wait, in order: the index plus one, negative for writing
}

// maxWaiters is the largest number of tasks that wait for a semaphore.
const maxWaiters = 32

// free reports whether a task that comes now gets the semaphore at once.
func (m *sem) free(write bool) bool {
	return m.writer == 0 && m.waiters == 0 && (!write || m.readers == 0)
}

// enqueue adds a task to the queue.
func (m *sem) enqueue(task int, write bool) {
	m.queue[m.waiters] = int8(task + 1)
	if write {
		m.queue[m.waiters] *= -1
	}
	m.waiters++
}

// grant makes a task a holder.
func (m *sem) grant(task int, write bool) {
	if write {
		m.writer = int8(task + 1)
	} else {
		m.readers++
	}
}

// release ends a hold, and grants the semaphore to the tasks that are next. It returns
// these.
func (m *sem) release(write bool) (granted uint32) {
	if write {
		m.writer = 0
	} else {
		m.readers--
	}
	for m.waiters > 0 && m.writer == 0 {
		task, write := int(m.queue[0])-1, false
		if m.queue[0] < 0 {
			task, write = int(-m.queue[0])-1, true
		}
		if write && m.readers > 0 {
			break
		}
		copy(m.queue[:], m.queue[1:])
		m.waiters--
		m.queue[m.waiters] = 0
		m.grant(task, write)
		granted |= 1 << task
	}
	return granted
}

// addTo adds the semaphore to the hashes of a state. One that nobody holds adds nothing.
func (m *sem) addTo(hashes []uint64, ids *sim.Sums, tasks []task) {
	if *m == (sem{}) {
		return
	}
	for k := range hashes {
		h := uint64(m.readers)
		if m.writer != 0 {
			h = sim.Mix(h, uint64(tasks[m.writer-1].images[k]))
		}
		for _, w := range m.queue[:m.waiters] {
			if w > 0 {
				h = sim.Mix(h, uint64(tasks[w-1].images[k])<<1)
			} else {
				h = sim.Mix(h, uint64(tasks[-w-1].images[k])<<1|1)
			}
		}
		hashes[k] += sim.Mix(sim.Mix(ids[k], 0x73656d), h)
	}
}
