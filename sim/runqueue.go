package sim

import (
	"cmp"
	"slices"
)

// runQueue holds the tasks of a controlled executor that have not ended. Sleeping tasks
// are kept apart, so that a step costs the same however many tasks sleep.
type runQueue struct {
	awake    []*Task // in ascending order of ID; a task that has just gone to sleep may be among them
	sleepers *Task   // the first of a list
}

// fewTasks is how many tasks a step may look at although they sleep. Runs of the
// explorer have fewer.
const fewTasks = 16

// sleeper is a task's place in the list of sleepers.
type sleeper struct {
	listed     bool
	prev, next *Task
}

// add adds a task.
func (q *runQueue) add(t *Task) {
	i, _ := q.search(t)
	q.awake = slices.Insert(q.awake, i, t)
}

// remove removes a task that has ended. It has no effect if the task is not in the queue.
func (q *runQueue) remove(t *Task) {
	if t.co.sleeper.listed {
		q.unlist(t)
	} else if i, found := q.search(t); found {
		q.awake = slices.Delete(q.awake, i, i+1)
	}
}

// search returns the place among the tasks that are awake where a task is, or belongs.
func (q *runQueue) search(t *Task) (i int, found bool) {
	return slices.BinarySearchFunc(q.awake, t, func(x, y *Task) int { return cmp.Compare(x.id, y.id) })
}

// removeSleepers moves the tasks that are asleep to the list of sleepers.
func (q *runQueue) removeSleepers() {
	q.awake = slices.DeleteFunc(q.awake, func(t *Task) bool {
		if !t.Asleep() {
			return false
		}
		t.co.sleeper = sleeper{listed: true, next: q.sleepers}
		if q.sleepers != nil {
			q.sleepers.co.sleeper.prev = t
		}
		q.sleepers = t
		return true
	})
}

// unlist removes a task from the list of sleepers.
func (q *runQueue) unlist(t *Task) {
	s := t.co.sleeper
	if s.prev != nil {
		s.prev.co.sleeper.next = s.next
	} else {
		q.sleepers = s.next
	}
	if s.next != nil {
		s.next.co.sleeper.prev = s.prev
	}
	t.co.sleeper = sleeper{}
}

// wake moves a task back among those that are awake. Call it after every change of a
// task's state or signals by another task.
func (q *runQueue) wake(t *Task) {
	if t.co.sleeper.listed {
		q.unlist(t)
		i, _ := q.search(t)
		q.awake = slices.Insert(q.awake, i, t)
	}
}

// wakeAll moves all sleepers back.
func (q *runQueue) wakeAll() {
	for t := q.sleepers; t != nil; t = q.sleepers {
		q.unlist(t)
		q.awake = append(q.awake, t)
	}
	slices.SortFunc(q.awake, func(x, y *Task) int { return cmp.Compare(x.id, y.id) })
}

// findEnabled sets c.enabled to the tasks and the store buffers that can take a step.
func (c *Controlled) findEnabled() {
	c.enabled = c.enabled[:0]
	sleepers, many := false, len(c.tasks.awake) > fewTasks
	for _, t := range c.tasks.awake {
		if c.isEnabled(t) {
			c.enabled = append(c.enabled, t)
		} else if many && t.Asleep() {
			sleepers = true
		}
	}
	if sleepers {
		c.tasks.removeSleepers()
	}
	for _, t := range c.buffers {
		c.enabled = append(c.enabled, t.co.buffer.task)
	}
}

// isEnabled reports whether the task can take the step that it has announced.
func (c *Controlled) isEnabled(t *Task) bool {
	if t.co.queued {
		return t.co.granted
	}
	if len(t.co.buffer.stores) > 0 && t.co.next.Op.drains() {
		return false
	}
	switch t.co.next.Op {
	case OpSchedule:
		return t.mayRun()
	case OpLock:
		return (*SpinLock)(t.co.next.Obj).owner == nil
	case OpReadBegin:
		return c.seenBy(t, (*Word)(t.co.next.Obj))%2 == 0
	}
	return true
}

// Asleep reports whether the task sleeps in schedule().
func (t *Task) Asleep() bool {
	if t.ctl != nil {
		return t.co.next.Op == OpSchedule && !t.mayRun()
	}
	return t.state.Load()&parked != 0 && !t.mayRun()
}
