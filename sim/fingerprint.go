package sim

import (
	"fmt"
	"unsafe"
)

// fingerprint tells states of a controlled run apart. It sums up
//
//   - for each task the history of what it did and saw, which determines where a
//     deterministic task stands,
//   - for each shared word its value, and
//   - for each lock, and for each word that holds a handle, the history of its last
//     writer.
//
// What a lock guards is a function of what its holders have done, and so of their
// histories. Two runs with the same fingerprint are in the same state and have the
// same future, up to collisions of 64-bit hashes. The sum does not depend on the order
// of its parts, and so interleavings that differ only in the order of steps that
// commute agree.
type fingerprint struct {
	on      bool
	objects uint64                    // sum over words, locks and the states of tasks
	dead    uint64                    // sum over the tasks that have ended
	content map[unsafe.Pointer]uint64 // what stands for a lock, or for a word with a handle
}

// Fingerprint makes the executor keep fingerprints, from the next step on. All
// objects must have labels.
func (c *Controlled) Fingerprint() {
	c.print = fingerprint{on: true, content: map[unsafe.Pointer]uint64{}}
}

// State is the fingerprint of the present state.
func (c *Controlled) State() uint64 {
	sum := c.print.objects + c.print.dead
	for _, t := range c.tasks {
		sum += t.fingerprint()
	}
	return sum
}

func (t *Task) fingerprint() uint64 { return mix(uint64(t.id)+1, t.co.history) }

// Forget tells the executor that nothing of what the task has done so far matters any
// more for what it will do, except for what is summed up in essence. Runs that differ
// in the rest of the task's past are then the same from here on.
func (t *Task) Forget(essence uint64) {
	if t.ctl != nil && t.ctl.print.on {
		t.co.history = mix(1, essence)
	}
}

// saw adds to the task's history a step and what it found.
func (c *Controlled) saw(t *Task, s Step, found uint64) {
	if c.print.on {
		t.co.history = mix(mix(t.co.history, c.id(t, s.Obj)+uint64(s.Op)), found)
	}
}

// changed replaces an object's part of the sum.
func (c *Controlled) changed(t *Task, obj unsafe.Pointer, from, to uint64) {
	if c.print.on && from != to {
		id := c.id(t, obj)
		c.print.objects += mix(id, to) - mix(id, from)
	}
}

// signed makes the task's history what stands for the object.
func (c *Controlled) signed(t *Task, obj unsafe.Pointer) {
	if c.print.on {
		c.changed(t, obj, c.print.content[obj], t.co.history)
		c.print.content[obj] = t.co.history
	}
}

// content is what stands for a lock, or for a word with a handle; 0 for nothing.
func (c *Controlled) content(obj unsafe.Pointer) uint64 {
	if !c.print.on {
		return 0
	}
	return c.print.content[obj]
}

// id is the identity of an object, which must have a label.
func (c *Controlled) id(t *Task, obj unsafe.Pointer) uint64 {
	id, ok := c.ID(obj)
	if !ok {
		c.fail(fmt.Errorf("sim: an object without a label: %v by task %s in %s", t.co.next.Op, t.name, kernelFunc()))
		panic(unwind{})
	}
	return uint64(id)
}
