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
//   - for each lock a summary of what it guards; where there is none, as for a word that
//     holds a handle, the history of its last writer.
//
// What a lock guards is a function of what its holders have done, and so of their
// histories; but a summary tells that it is the same again. Two runs with the same fingerprint are in the same state and have the
// same future, up to collisions of 64-bit hashes. The sum does not depend on the order
// of its parts, and so interleavings that differ only in the order of steps that
// commute agree.
//
// With renamings there is a fingerprint for each, the one that the state would have if
// its tasks had changed places.
type fingerprint struct {
	on        bool
	renamings []Renaming // the first changes nothing
	objects   sums       // over words, locks and the states of tasks
	dead      sums       // over the tasks that have ended

	summary, member Summary // scratch: of the whole, and of one in a set
}

// MaxRenamings is how many renamings an executor can follow, the one that changes
// nothing among them.
const MaxRenamings = 6

// sums are hashes, one for each renaming.
type sums [MaxRenamings]uint64

// Renaming says what a task, a structure or a place in one would be called if tasks
// that run the same program changed places. A nil function changes nothing.
type Renaming struct {
	// Task maps the IDs of tasks.
	Task func(id int) int
	// Label maps the name and number that a structure was labelled with.
	Label func(name string, n uint64) (string, uint64)
	// Address maps user addresses.
	Address func(addr uint64) uint64
	// Offset maps the place of an object in the structure of that name, in bytes.
	Offset func(name string, offset uintptr) uintptr
}

func (r *Renaming) task(id int) uint64 {
	if r.Task != nil {
		id = r.Task(id)
	}
	return uint64(id) + 1
}

// Fingerprint makes the executor keep fingerprints from the next step on, one for each
// renaming; the first should change nothing. All objects must have labels.
func (c *Controlled) Fingerprint(renamings ...Renaming) {
	if len(renamings) == 0 {
		renamings = []Renaming{{}}
	}
	c.print = fingerprint{on: true, renamings: renamings}
	for _, l := range c.labels {
		l.identify(renamings)
	}
	for w, meaning := range c.handles {
		if meaning != nil && (*Word)(w).Peek() != 0 {
			stands := c.sumUp(nil, meaning)
			c.labelOf(w).setContent(w, &stands)
		}
	}
}

// States appends the fingerprints of the present state, one for each renaming.
func (c *Controlled) States(to []uint64) []uint64 {
	for k := range c.print.renamings {
		sum := c.print.objects[k] + c.print.dead[k]
		for _, t := range c.tasks {
			sum += c.position(t, k)
		}
		for _, t := range c.buffers {
			sum += c.bufferSum(t, k)
		}
		to = append(to, sum)
	}
	return to
}

// position stands for a task's place in its program: its history, and the step that it has come to, which may also
// follow from something that it has read without a step. One that has been handed a semaphore stands elsewhere
// than one that has not asked for it yet, although it has done and seen no more: the semaphore counts its
// readers, and does not name them.
func (c *Controlled) position(t *Task, k int) uint64 {
	place := mix(c.print.renamings[k].task(t.id), t.co.history[k])
	if l := c.labelOf(t.co.next.Obj); l != nil {
		place = mix(place, c.idIn(l, t.co.next.Obj, k)+uint64(t.co.next.Op))
	}
	if t.co.granted {
		place = mix(place, 1)
	}
	return place
}

// Forget tells the executor that nothing of what the task has done so far matters any
// more for what it will do, except for what is summed up in essence: one number for each
// renaming. Runs that differ in the rest of the task's past are then the same from here on.
func (t *Task) Forget(essence func(renaming int) uint64) {
	if t.ctl == nil || !t.ctl.print.on {
		return
	}
	for k := range t.ctl.print.renamings {
		t.co.history[k] = mix(1, essence(k))
	}
	t.co.mark, t.co.marked = t.co.history, t.co.total
}

// Bookmark is a point of a task's program, with all that the task knew there.
type Bookmark struct{ history, mark sums }

// Bookmark marks the point at which the task is.
func (t *Task) Bookmark() (b Bookmark) {
	if t.ctl != nil {
		b.history, b.mark = t.co.history, t.co.mark
	}
	return b
}

// ForgetSince says that of what has happened since the bookmark nothing matters for what the
// task will do but at which point of its program it is, and the essence: the variables of the
// functions that it is in, as far as they are still used and have got their values since. What
// follows from the content of a lock that the task still holds need not be among them. Like
// [Task.Forget] it makes runs the same from here on that differ only in what is forgotten. A
// nil essence is none. The point needs a name that no other with the same bookmark has.
func (t *Task) ForgetSince(b Bookmark, point string, essence func(s *Summary)) {
	if t.ctl != nil { // so little that it is inlined
		t.ctl.forgetSince(t, &b, point, essence)
	}
}

func (c *Controlled) forgetSince(t *Task, b *Bookmark, point string, essence func(s *Summary)) {
	if !c.print.on {
		return
	}
	at := hashString(point)
	for k := range c.print.renamings {
		s := &c.print.summary
		*s = Summary{c: c, k: k, h: at}
		if essence != nil {
			essence(s)
		}
		if s.unknown {
			return // the same under every renaming
		}
		what := mix(s.h, s.set)
		t.co.history[k], t.co.mark[k] = mix(b.history[k], what), mix(b.mark[k], what)
	}
	t.co.marked = t.co.total
}

// Mark is what the task remembered when it last forgot its past, 0 if it never did. It
// is for a controlled executor with fingerprints.
func (t *Task) Mark(renaming int) uint64 { return t.co.mark[renaming] }

// saw adds to the task's history a step and what it found.
func (c *Controlled) saw(t *Task, s Step, found uint64) {
	if c.print.on {
		for k := range c.print.renamings {
			t.co.history[k] = mix(mix(t.co.history[k], c.id(t, s.Obj, k)+uint64(s.Op)), found)
		}
	}
}

// sawContent is saw for a step that found what somebody has left behind.
func (c *Controlled) sawContent(t *Task, s Step, found *sums) {
	if c.print.on {
		for k := range c.print.renamings {
			t.co.history[k] = mix(mix(t.co.history[k], c.id(t, s.Obj, k)+uint64(s.Op)), found[k])
		}
	}
}

// changed replaces an object's part of the sum.
func (c *Controlled) changed(t *Task, obj unsafe.Pointer, from, to uint64) {
	if c.print.on && from != to {
		l := c.mustLabel(t, obj)
		for k := range c.print.renamings {
			id := c.idIn(l, obj, k)
			l.part[k] += mix(id, to) - mix(id, from)
			c.print.objects[k] += mix(id, to) - mix(id, from)
		}
	}
}

// became is changed for what stands for an object.
func (c *Controlled) became(t *Task, obj unsafe.Pointer, from, to *sums) {
	if !c.print.on {
		return
	}
	l := c.mustLabel(t, obj)
	for k := range c.print.renamings {
		if from[k] != to[k] {
			id := c.idIn(l, obj, k)
			l.part[k] += mix(id, to[k]) - mix(id, from[k])
			c.print.objects[k] += mix(id, to[k]) - mix(id, from[k])
		}
	}
}

// acquired notes that a task has come into a lock, and with it into what the last
// holder left behind.
func (c *Controlled) acquired(t *Task, s Step) {
	if c.print.on {
		c.sawContent(t, s, c.contentOf(t, s.Obj))
	}
}

// contentOf is what the last holder of a lock left behind.
func (c *Controlled) contentOf(t *Task, obj unsafe.Pointer) *sums {
	if found := c.mustLabel(t, obj).content(obj); found != nil {
		return found
	}
	return &sums{}
}

// id is the identity of an object under a renaming. The object must have a label.
func (c *Controlled) id(t *Task, obj unsafe.Pointer, k int) uint64 {
	if obj == nil {
		return 0
	}
	return c.idIn(c.mustLabel(t, obj), obj, k)
}

func (c *Controlled) idIn(l *label, obj unsafe.Pointer, k int) uint64 {
	offset := uintptr(obj) - l.base
	if at := c.print.renamings[k].Offset; at != nil {
		offset = at(l.name, offset)
	}
	return mix(l.ids[k], uint64(offset)+1)
}

func (c *Controlled) mustLabel(t *Task, obj unsafe.Pointer) *label {
	if c.memo != nil && obj == c.memoObj {
		return c.memo
	}
	l := c.labelOf(obj)
	if l == nil {
		c.fail(fmt.Errorf("sim: an object without a label: %v by task %s in %s", t.co.next.Op, t.name, kernelFunc()))
		panic(unwind{})
	}
	c.memo, c.memoObj = l, obj
	return l
}

// forgetFreed takes a freed structure out of the sum: nobody can come to it any more, and
// so it is all the same what it was like.
func (c *Controlled) forgetFreed(l *label) {
	for k := range c.print.renamings {
		c.print.objects[k] -= l.part[k]
	}
	l.part = sums{}
}
