package sim

import (
	"fmt"
	"unsafe"
)

// Go starts a task that runs fn. private becomes its [Task.Private]. On a controlled
// executor it is a visible step, and the ID of the new task depends only on the task that
// starts it and on how many tasks that one has started before, so that the ID is the same
// in every interleaving. There a task can start 63 tasks, down to four generations, and
// only tasks with an ID below 63 and their descendants can start any.
func (t *Task) Go(name string, private any, fn func(t *Task)) *Task {
	if t.ctl == nil {
		return t.group.free.Go(name, private, fn)
	}
	return t.ctl.clone(t, name, private, fn)
}

// clonedID is the lowest ID of a task that a task has started. Such an ID has, below this
// bit, a digit for each ancestor and the task itself, in base 64: the ID of the first
// ancestor plus one, and from then on the ordinal among the tasks that the parent has
// started, from 1. An ID has 31 bits at most.
const clonedID = 1 << 30

// cloneID returns the ID of the next task that t starts.
func (t *Task) cloneID() (id int, ok bool) {
	path := t.id + 1
	if t.Cloned() {
		path = t.id - clonedID
	}
	ok = (path < 64 || t.Cloned()) && path < clonedID>>6 && t.clones < 63
	return clonedID + path<<6 + t.clones + 1, ok
}

// Cloned reports whether a task of a controlled executor has started t. Any task may call
// it.
func (t *Task) Cloned() bool { return t.id >= clonedID }

// clone starts a task on behalf of t.
func (c *Controlled) clone(t *Task, name string, private any, fn func(t *Task)) *Task {
	id, ok := t.cloneID()
	if !ok {
		t.abort(fmt.Errorf("sim: task %s cannot start task %s: it has started %d, and has ID %d", t.name, name, t.clones, t.id))
	}
	t.clones++
	child := c.newTask(name, id, private)
	s := Step{OpClone, unsafe.Pointer(child)}
	c.step(t, s)
	c.recordStep(t, s, 0)
	c.start(child, fn)
	if t.trace != nil {
		t.traceStep(OpClone, name)
	}
	return child
}
