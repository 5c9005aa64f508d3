package sim

import (
	"fmt"
	"unsafe"
)

// fingerprint is the hash of the global state of a controlled run. It is a sum of hashes,
// which every step updates, of
//
//   - each task's history: its steps and the values they found, which determine the
//     location and the variables of a deterministic task,
//   - each shared word's value, and
//   - each lock's content: the summary of what it guards ([SpinLock.Guards]). A lock
//     without one, or a handle without a meaning, contributes the history of its last
//     writer instead.
//
// The content of a lock is a function of its holders' histories, so histories alone would
// suffice. Summaries let states be recognised as equal that were reached by different
// histories, once tasks abstract from theirs ([Task.Abstract]).
//
// Two runs with the same fingerprint are in the same state, up to collisions of 64-bit
// hashes. A sum does not depend on the order of its terms, so interleavings that differ
// only in the order of independent steps have the same fingerprint.
//
// For symmetry reduction there is one fingerprint for each permutation of the tasks. The
// explorer takes the smallest as the canonical representative of the state's orbit.
type fingerprint struct {
	on           bool          // Fingerprint has been called
	permutations []Permutation // the first is the identity
	objects      Sums          // sum over words, locks and the states of tasks
	dead         Sums          // sum over the tasks that have ended

	summary, member Summary // scratch memory: for a whole summary, for a member of a set
}

// MaxPermutations is the largest number of permutations that an executor supports,
// including the identity.
const MaxPermutations = 24

// Sums are hashes of one thing, indexed by permutation.
type Sums [MaxPermutations]uint64

// Permutation exchanges tasks that run the same program, and with them the structures and
// addresses that belong to each. Its functions map identities to identities; a nil
// function is the identity.
type Permutation struct {
	// Task maps the IDs of tasks.
	Task func(id int) int
	// Label maps the name and number of a structure's label.
	Label func(name string, n uint64) (string, uint64)
	// Address maps user addresses.
	Address func(addr uint64) uint64
	// Offset maps the offset of an object, in bytes, in the structure of that name.
	Offset func(name string, offset uintptr) uintptr
}

// task returns the image of a task ID, plus one.
func (p *Permutation) task(id int) uint64 {
	if p.Task != nil {
		id = p.Task(id)
	}
	return uint64(id) + 1
}

// Fingerprint makes the executor compute fingerprints from the next step on, one for each
// permutation. The first should be the identity, which is also the default. From then on
// a step on an object without a label is an error.
func (c *Controlled) Fingerprint(permutations ...Permutation) {
	if len(permutations) == 0 {
		permutations = []Permutation{{}}
	}
	c.fp = fingerprint{on: true, permutations: permutations}
	for l := range c.labels.all() {
		l.identify(permutations)
	}
	for w, meaning := range c.handles {
		if meaning != nil && (*Word)(w).Peek() != 0 {
			sum := c.sumUp(nil, meaning)
			c.labelOf(w).setContent(w, &sum)
		}
	}
}

// States appends the fingerprints of the current state, one for each permutation.
func (c *Controlled) States(to []uint64) []uint64 {
	for k := range c.fp.permutations {
		sum := c.fp.objects[k] + c.fp.dead[k]
		for _, t := range c.tasks.awake {
			sum += c.position(t, k)
		}
		for t := c.tasks.sleepers; t != nil; t = t.co.sleeper.next {
			sum += c.position(t, k)
		}
		for _, t := range c.buffers {
			sum += c.bufferSum(t, k)
		}
		to = append(to, sum)
	}
	return to
}

// position returns a hash of a task's location and local state: its history, its
// announced step, whether it has been granted a semaphore, and whether it has announced a
// sleep. The step may depend on a value read without a step. The grant is neither in the
// task's history nor in the semaphore's hash, which counts the readers without naming
// them. An abstraction may drop from the history that the task has announced a sleep.
func (c *Controlled) position(t *Task, k int) uint64 {
	h := Mix(c.fp.permutations[k].task(t.id), t.co.history[k])
	if l := c.labelOf(t.co.next.Obj); l != nil {
		h = Mix(h, c.idIn(l, t.co.next.Obj, k)+uint64(t.co.next.Op))
	}
	if t.co.granted {
		h = Mix(h, 1)
	}
	if t.co.announced != Running {
		h = Mix(h, uint64(t.co.announced)+1)
	}
	return h
}

// Abstract replaces the task's history by a hash of its live state, which live returns
// for each permutation. The dead variables must be irrelevant to the task's further
// behaviour. While the task holds a lock without Guards, what the lock guards is live.
// Runs that differ only in dead variables then reach the same state here. (M. Bozga,
// J.-C. Fernandez and L. Ghirvu, "State space reduction based on live variables
// analysis", 1999, compute which variables are live. Here the program says so.)
func (t *Task) Abstract(live func(permutation int) uint64) {
	if t.ctl == nil || !t.ctl.fp.on {
		return
	}
	for k := range t.ctl.fp.permutations {
		t.co.history[k] = Mix(Mix(1, live(k)), uint64(t.uniques))
	}
	t.forgetContents()
	t.co.abstraction, t.co.abstractedAt = t.co.history, t.co.total
}

// Bookmark is a task's history at one point, for [Task.AbstractSince].
type Bookmark struct{ history, abstraction Sums }

// Bookmark returns the task's history up to here.
func (t *Task) Bookmark() (b Bookmark) {
	if t.ctl != nil {
		b.history, b.abstraction = t.co.history, t.co.abstraction
	}
	return b
}

// AbstractSince replaces the task's history since the bookmark by the program point and
// the live variables, so that runs that differ only in that part of the history reach the
// same state here. The function live sums up the live variables of the active functions
// that were assigned since the bookmark. It may omit a variable that follows from the
// content of a lock that the task still holds. Nil means that no such variable is live.
// The name of the point must be unique among the calls with the same bookmark.
func (t *Task) AbstractSince(b Bookmark, point string, live func(s *Summary)) {
	if t.ctl != nil { // short enough to be inlined
		t.ctl.abstractSince(t, &b, point, live)
	}
}

func (c *Controlled) abstractSince(t *Task, b *Bookmark, point string, live func(s *Summary)) {
	if !c.fp.on {
		return
	}
	at := hashString(point)
	for k := range c.fp.permutations {
		s := &c.fp.summary
		*s = Summary{c: c, k: k, h: at}
		if live != nil {
			live(s)
		}
		if s.unknown {
			return // at the first permutation, if at any: nothing has been replaced
		}
		now := Mix(Mix(s.h, s.set), uint64(t.uniques)) // which names the task's next structure
		t.co.history[k], t.co.abstraction[k] = Mix(b.history[k], now), Mix(b.abstraction[k], now)
	}
	t.co.abstractedAt = t.co.total
	t.forgetContents()
}

// Abstraction returns the hash of the task's live state at its last call of Abstract or
// AbstractSince, 0 if it has called neither. It needs a controlled executor with
// fingerprints.
func (t *Task) Abstraction(permutation int) uint64 { return t.co.abstraction[permutation] }

// recordStep adds a step, and the value that it found, to the task's history.
func (c *Controlled) recordStep(t *Task, s Step, found uint64) {
	if c.fp.on {
		for k := range c.fp.permutations {
			t.co.history[k] = Mix(Mix(t.co.history[k], c.id(t, s.Obj, k)+uint64(s.Op)), found)
		}
	}
}

// recordStepSum is recordStep for a step that found a content instead of a value.
func (c *Controlled) recordStepSum(t *Task, s Step, found *Sums) {
	if c.fp.on {
		for k := range c.fp.permutations {
			t.co.history[k] = Mix(Mix(t.co.history[k], c.id(t, s.Obj, k)+uint64(s.Op)), found[k])
		}
	}
}

// replaceValue replaces an object's value, from, by to in the fingerprint.
func (c *Controlled) replaceValue(t *Task, obj unsafe.Pointer, from, to uint64) {
	c.leftValue(obj, from, to)
	if c.fp.on && from != to {
		l := c.mustLabel(t, obj)
		for k := range c.fp.permutations {
			id := c.idIn(l, obj, k)
			l.part[k] += Mix(id, to) - Mix(id, from)
			c.fp.objects[k] += Mix(id, to) - Mix(id, from)
		}
	}
}

// replaceSum is replaceValue for a content instead of a value.
func (c *Controlled) replaceSum(t *Task, obj unsafe.Pointer, from, to *Sums) {
	if c.fp.on {
		c.left(obj, from, to)
		c.replaceTerm(t, obj, from, to)
	}
}

// replaceTerm is replaceSum for something that a recording does not contain.
func (c *Controlled) replaceTerm(t *Task, obj unsafe.Pointer, from, to *Sums) {
	l := c.mustLabel(t, obj)
	for k := range c.fp.permutations {
		if from[k] != to[k] {
			id := c.idIn(l, obj, k)
			l.part[k] += Mix(id, to[k]) - Mix(id, from[k])
			c.fp.objects[k] += Mix(id, to[k]) - Mix(id, from[k])
		}
	}
}

// recordAcquire adds the acquisition of a lock to the task's history, with the content
// that the lock's last holder left.
func (c *Controlled) recordAcquire(t *Task, s Step) {
	if c.fp.on {
		content := c.contentOf(t, s.Obj)
		c.found(s.Obj, content)
		c.recordStepSum(t, s, content)
	}
}

// contentOf returns the hash of the content that a lock's last holder left, zero if none.
func (c *Controlled) contentOf(t *Task, obj unsafe.Pointer) *Sums {
	if found := c.mustLabel(t, obj).content(obj); found != nil {
		return found
	}
	return &Sums{}
}

// id returns the identity of an object under a permutation, 0 for nil. An object without
// a label ends the run.
func (c *Controlled) id(t *Task, obj unsafe.Pointer, k int) uint64 {
	if obj == nil {
		return 0
	}
	return c.idIn(c.mustLabel(t, obj), obj, k)
}

// idIn returns the identity of an object in a labelled structure under a permutation.
func (c *Controlled) idIn(l *label, obj unsafe.Pointer, k int) uint64 {
	offset := uintptr(obj) - l.base
	if at := c.fp.permutations[k].Offset; at != nil {
		offset = at(l.name, offset)
	}
	return Mix(l.ids[k], uint64(offset)+1)
}

// mustLabel is labelOf, but ends the run if the object has no label.
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

// freedMark represents a freed structure in the fingerprint. A structure that is alive
// with its initial content has no term, and must not be mistaken for it: a task that
// still has a pointer to the structure can tell.
const freedMark = 0x9fb21c651e98df25

// dropFreed replaces a freed structure's content in the fingerprint by the mark that it
// is freed.
func (c *Controlled) dropFreed(l *label) {
	c.recordStructure(Freed, l)
	c.retire(l)
	for k := range c.fp.permutations {
		l.part[k] = Mix(l.ids[k], freedMark)
		c.fp.objects[k] += l.part[k]
	}
}

// retire removes a structure's content from the fingerprint.
func (c *Controlled) retire(l *label) {
	for k := range c.fp.permutations {
		c.fp.objects[k] -= l.part[k]
	}
	l.part = Sums{}
}

// Retire removes the structure at p from the fingerprint, freed or not: the location of
// the task determines that it no longer uses the structure. It is no visible step. The
// task may then label another structure with the same name and number. On the free
// executor Retire does nothing.
func Retire[T any](t *Task, p *T) {
	if t.ctl == nil || !t.ctl.fp.on {
		return
	}
	if l := t.ctl.labelOf(unsafe.Pointer(p)); l != nil {
		t.ctl.recordStructure(Retired, l)
		t.ctl.retire(l)
	}
}
