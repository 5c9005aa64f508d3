package sim

import (
	"reflect"
	"unsafe"
)

// Recording is what a task's transition has accessed: everything that it has done from
// the choice of its step to the announcement of the next one. A task is deterministic, so
// the contents found, in their order, determine the rest.
type Recording struct {
	// Accesses are in the order of time. An object that was written before is not found
	// again.
	Accesses []Access

	born   []*label // structures labelled during the transition
	hashes []uint64 // memory for the contents
}

// Access is an access to an object or a structure.
type Access struct {
	Kind AccessKind
	// ID and In identify the object and the structure that contains it, under the
	// identity. For a structure both are that of the structure.
	ID, In uint64
	// Content represents what was found or left, under each permutation. For a plain word
	// or the state of a task it is the value. Only Found and Left have it.
	Content []uint64
	// Before is the content before, if the kind is Left.
	Before []uint64

	obj   unsafe.Pointer // nil for a structure
	label *label
}

// AccessKind is the kind of an access.
type AccessKind uint8

// The kinds of accesses.
const (
	Found   AccessKind = iota // the transition depends on the object's content
	Left                      // it has given the object a content
	Born                      // it has labelled a structure, whose objects' contents are zero
	Retired                   // it has retired a structure: see [Retire]
	Freed                     // it has freed a structure
)

// Object is the identity of an object under each permutation.
type Object struct {
	IDs Sums // of the object
	In  Sums // of the structure that contains it
}

// Reset makes the recording empty.
func (r *Recording) Reset() {
	r.Accesses, r.born, r.hashes = r.Accesses[:0], r.born[:0], r.hashes[:0]
}

// keep copies hashes to the recording's memory, and returns the copy.
func (c *Controlled) keep(sum *Sums) []uint64 {
	r := c.record
	from := len(r.hashes)
	r.hashes = append(r.hashes, sum[:len(c.fp.permutations)]...)
	return r.hashes[from:len(r.hashes):len(r.hashes)]
}

// ObjectOf returns the identity of the access's object under each permutation.
func (c *Controlled) ObjectOf(a *Access) Object { return c.objectIn(a.label, a.obj) }

// Structure returns the identity of the access's structure under each permutation.
func (a *Access) Structure() Sums { return a.label.ids }

// Record makes the executor append the accesses of all tasks to r, from now on. Whoever
// wants those of one transition resets r before it and calls [Controlled.EndTransition]
// after it. Record needs fingerprints, and no store buffers.
func (c *Controlled) Record(r *Recording) { c.record = r }

// found records that a transition depends on an object's content.
func (c *Controlled) found(obj unsafe.Pointer, sum *Sums) {
	if c.record == nil {
		return
	}
	l := c.labelOf(obj)
	if l == nil {
		return // recordStep ends the run
	}
	id := c.idIn(l, obj, 0)
	for i := range c.record.Accesses {
		if a := &c.record.Accesses[i]; a.Kind <= Left && a.ID == id {
			return // it was found or written before
		}
	}
	c.record.Accesses = append(c.record.Accesses, Access{
		Kind: Found, ID: id, In: l.ids[0], Content: c.keep(sum), obj: obj, label: l,
	})
}

// foundValue is found for a value.
func (c *Controlled) foundValue(obj unsafe.Pointer, v uint64) {
	if c.record != nil {
		sum := sameForAll(v)
		c.found(obj, &sum)
	}
}

// left records the content that a transition gives an object.
func (c *Controlled) left(obj unsafe.Pointer, from, to *Sums) {
	if c.record == nil {
		return
	}
	if l := c.labelOf(obj); l != nil {
		c.record.Accesses = append(c.record.Accesses, Access{
			Kind: Left, ID: c.idIn(l, obj, 0), In: l.ids[0], Content: c.keep(to), Before: c.keep(from), obj: obj, label: l,
		})
	}
}

// forgetContents records that the task's history no longer has the contents of the locks
// that it holds.
func (t *Task) forgetContents() {
	if t.ctl.record == nil {
		return
	}
	for i := range *t.locks() {
		(*t.locks())[i].forgotten = true
	}
}

// findForgotten records that a transition depends on the contents of the locks that the
// task holds, as far as its history does not have them.
func (c *Controlled) findForgotten(t *Task) {
	for _, h := range *t.locks() {
		if h.forgotten {
			c.found(h.obj, c.contentOf(t, h.obj))
		}
	}
}

// leftValue is left for a value.
func (c *Controlled) leftValue(obj unsafe.Pointer, from, to uint64) {
	if c.record != nil {
		before, after := sameForAll(from), sameForAll(to)
		c.left(obj, &before, &after)
	}
}

// recordStructure records what a transition does to a structure.
func (c *Controlled) recordStructure(kind AccessKind, l *label) {
	if c.record == nil {
		return
	}
	c.record.Accesses = append(c.record.Accesses, Access{Kind: kind, ID: l.ids[0], In: l.ids[0], label: l})
	if kind == Born {
		c.record.born = append(c.record.born, l)
	}
}

// object returns the identity of an object.
func (c *Controlled) object(obj unsafe.Pointer) (o Object) {
	if l := c.labelOf(obj); l != nil {
		return c.objectIn(l, obj)
	}
	return o // recordStep has ended the run, or will
}

// objectIn returns the identity of an object in a labelled structure.
func (c *Controlled) objectIn(l *label, obj unsafe.Pointer) (o Object) {
	o.In = l.ids
	for k := range c.fp.permutations {
		o.IDs[k] = c.idIn(l, obj, k)
	}
	return o
}

// StateObject returns the identity of a task's state.
func (c *Controlled) StateObject(t *Task) Object { return c.object(unsafe.Pointer(&t.state)) }

// SignalsObject returns the identity of a task's pending signals.
func (c *Controlled) SignalsObject(t *Task) Object { return c.object(unsafe.Pointer(&t.signals)) }

// Object returns the identity of a step's object, the zero value if it has none.
func (c *Controlled) Object(obj unsafe.Pointer) Object { return c.object(obj) }

// Identity returns the identity of a word.
func (c *Controlled) Identity(w *Word) ObjectID { return ObjectID(c.object(unsafe.Pointer(w)).IDs[0]) }

// Content returns the content of the object of a step that takes or releases a lock,
// changes a count of references or begins to read under a sequence count. ok is false for
// other steps.
func (c *Controlled) Content(t *Task, s Step) (content Sums, ok bool) {
	switch s.Op {
	case OpLock, OpUnlock, OpDownRead, OpDownWrite, OpUpRead, OpUpWrite:
		return *c.contentOf(t, s.Obj), true
	case OpGet, OpPut, OpReadBegin:
		if sum := c.wordSum(t, (*Word)(s.Obj)); sum != nil {
			return *sum, true
		}
		return sameForAll((*Word)(s.Obj).Peek()), true
	}
	return content, false
}

// Location returns a hash, under a permutation, of a task's location and local state,
// which determine what it does next. The task has just announced a step, or has ended.
func (c *Controlled) Location(t *Task, permutation int) uint64 { return c.position(t, permutation) }

// Queued reports whether the task waits in the queue of a semaphore, or has been granted
// it and not continued yet. t must belong to a controlled executor.
func (t *Task) Queued() bool { return t.co.queued }

// EndTransition completes the recording of a transition with the values that its new
// structures were initialised with.
func (c *Controlled) EndTransition() {
	r := c.record
	for _, l := range r.born {
		for _, offset := range wordsOf(l.typ) {
			w := (*Word)(unsafe.Add(l.ref, offset))
			if v := w.Peek(); v != 0 && l.content(unsafe.Pointer(w)) == nil {
				sum := sameForAll(v)
				c.left(unsafe.Pointer(w), &Sums{}, &sum)
			}
		}
	}
	r.born = r.born[:0]
}

// wordsOf returns the offsets of the words in a type, in bytes.
func wordsOf(typ reflect.Type) (offsets []uintptr) {
	if typ == reflect.TypeFor[Word]() {
		return []uintptr{0}
	}
	switch typ.Kind() {
	case reflect.Array:
		inner := wordsOf(typ.Elem())
		for i := range typ.Len() {
			for _, o := range inner {
				offsets = append(offsets, uintptr(i)*typ.Elem().Size()+o)
			}
		}
	case reflect.Struct:
		for f := range typ.Fields() {
			for _, o := range wordsOf(f.Type) {
				offsets = append(offsets, f.Offset+o)
			}
		}
	}
	return offsets
}
