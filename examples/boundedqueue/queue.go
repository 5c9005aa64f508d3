// Package boundedqueue is an example of a data structure that package explore checks: a
// queue with room for a few numbers, as in every textbook on concurrency. It has nothing
// to do with userfaultfd.
package boundedqueue

import "github.com/uffdsim/uffdsim/sim"

// Queue is a FIFO queue of numbers for several producers and consumers.
type Queue struct {
	lock  sim.SpinLock
	items []uint64 // protected by lock
	room  int      // for so many items; immutable

	notEmpty, notFull *condition // may be the same; the pointers are immutable
}

// condition is a condition variable.
type condition struct{ waiters []*sim.Task } // oldest first; protected by the queue's lock

// New returns an empty queue with two conditions: consumers wait on one, producers on the
// other.
func New(room int) *Queue { return newQueue(room, &condition{}, &condition{}) }

// newWithOneCondition returns a queue with one condition for both. It is wrong: a wake-up
// for a producer can reach a consumer, and vice versa.
func newWithOneCondition(room int) *Queue {
	both := &condition{}
	return newQueue(room, both, both)
}

func newQueue(room int, notEmpty, notFull *condition) *Queue {
	q := &Queue{room: room, notEmpty: notEmpty, notFull: notFull}
	q.lock.Init(&sim.LockClass{Name: "queue.lock"})
	q.lock.Guards(q.sumUp)
	return q
}

// sumUp sums up what the lock guards, so that the explorer recognises equal states that
// were reached in different ways.
func (q *Queue) sumUp(s *sim.Summary) {
	s.Add(uint64(len(q.items)))
	for _, item := range q.items {
		s.Add(item)
	}
	for _, c := range []*condition{q.notEmpty, q.notFull} {
		s.Add(uint64(len(c.waiters)))
		for _, t := range c.waiters {
			s.AddObject(t)
		}
	}
}

// Put appends an item. It waits while the queue is full.
func (q *Queue) Put(t *sim.Task, item uint64) {
	q.lock.Lock(t)
	for len(q.items) == q.room {
		q.wait(t, q.notFull)
	}
	q.items = append(q.items, item)
	q.wakeOne(t, q.notEmpty)
	q.lock.Unlock(t)
}

// Take removes the oldest item and returns it. It waits while the queue is empty.
func (q *Queue) Take(t *sim.Task) uint64 {
	q.lock.Lock(t)
	for len(q.items) == 0 {
		q.wait(t, q.notEmpty)
	}
	item := q.items[0]
	q.items = q.items[1:]
	q.wakeOne(t, q.notFull)
	q.lock.Unlock(t)
	return item
}

// wait releases the lock, sleeps until the task is woken, and takes the lock again. The
// task sets its state first: a wake-up right after the release then finds it asleep.
func (q *Queue) wait(t *sim.Task, c *condition) {
	c.waiters = append(c.waiters, t)
	t.SetState(sim.Uninterruptible)
	q.lock.Unlock(t)
	t.Schedule()
	q.lock.Lock(t)
}

// wakeOne wakes the task that has waited longest, if any. The lock must be held.
func (q *Queue) wakeOne(t *sim.Task, c *condition) {
	if len(c.waiters) > 0 {
		t.WakeUpState(c.waiters[0], sim.Normal)
		c.waiters = c.waiters[1:]
	}
}
