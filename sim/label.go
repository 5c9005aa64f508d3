package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
	"weak"
)

// ObjectID identifies a shared object across runs of one program: the same object has
// the same ID in every run, whatever the interleaving.
type ObjectID uint64

// label identifies the memory of a structure.
type label struct {
	base     uintptr        // the address of the structure
	size     uintptr        // in bytes
	ref      unsafe.Pointer // base as a pointer, which keeps Go from reusing the memory; nil if weak is set
	weak     weak.Pointer[byte]
	name     string
	n        uint64
	owner    *label // of the structure within whose identity the label is unique; nil if none
	ids      Sums   // the identity of the structure
	part     Sums   // the structure's terms in the fingerprint
	contents []content
	typ      reflect.Type
	freed    bool // by Kfree
}

// content represents an object in the fingerprint by something other than its value: a
// lock by a hash of what it guards, a word by a hash of its handle's meaning.
type content struct {
	obj unsafe.Pointer
	sum Sums
}

// content returns the hash that represents an object of the structure, nil if its value
// does.
func (l *label) content(obj unsafe.Pointer) *Sums {
	for i := range l.contents {
		if l.contents[i].obj == obj {
			return &l.contents[i].sum
		}
	}
	return nil
}

// setContent makes sum represent an object of the structure.
func (l *label) setContent(obj unsafe.Pointer, sum *Sums) {
	if old := l.content(obj); old != nil {
		*old = *sum
		return
	}
	l.contents = append(l.contents, content{obj, *sum})
}

// dropContent makes an object's value represent it.
func (l *label) dropContent(obj unsafe.Pointer) {
	l.contents = slices.DeleteFunc(l.contents, func(c content) bool { return c.obj == obj })
}

// identify computes the structure's identity under each permutation.
func (l *label) identify(permutations []Permutation) {
	for k := range permutations {
		l.ids[k] = l.identity(&permutations[k])
	}
}

// identity returns the structure's identity under the permutation.
func (l *label) identity(p *Permutation) uint64 {
	name, n := l.name, l.n
	if p.Label != nil {
		name, n = p.Label(name, n)
	}
	id := Mix(hashString(name), n)
	if l.owner != nil {
		id = Mix(l.owner.identity(p), id)
	}
	return id
}

// Label gives the structure at p a label, so that the shared words and locks in it have a
// name in traces and an identity that is the same in every run. The pair of name and n
// must be unique among all structures of a run and must not depend on the interleaving.
// On the free executor Label does nothing.
func Label[T any](t *Task, p *T, name string, n uint64) {
	if t.ctl != nil {
		LabelIn(t.ctl, p, name, n)
	}
}

// LabelIn is [Label] for structures created before the first task.
func LabelIn[T any](c *Controlled, p *T, name string, n uint64) { addLabel(c, p, nil, name, n) }

// LabelOf is [Label] for a structure that belongs to the labelled structure at owner. The
// pair of name and n must be unique only among the structures of that owner. A
// permutation that maps the owner thereby maps the structure.
func LabelOf[T, O any](t *Task, p *T, owner *O, name string, n uint64) {
	if t.ctl != nil {
		LabelOfIn(t.ctl, p, owner, name, n)
	}
}

// LabelOfIn is [LabelOf] for structures created before the first task.
func LabelOfIn[T, O any](c *Controlled, p *T, owner *O, name string, n uint64) {
	addLabel(c, p, c.labelOf(unsafe.Pointer(owner)), name, n)
}

func addLabel[T any](c *Controlled, p *T, owner *label, name string, n uint64) {
	l := c.newLabel()
	*l = label{
		base: uintptr(unsafe.Pointer(p)), size: unsafe.Sizeof(*p),
		name: name, n: n, owner: owner, typ: reflect.TypeFor[T](),
	}
	if c.NoFingerprints {
		l.weak = weak.Make((*byte)(unsafe.Pointer(p)))
	} else {
		l.ref = unsafe.Pointer(p)
	}
	c.addLabel(l)
}

// newLabel allocates a label. Labels that stay until the end are allocated by the dozen.
func (c *Controlled) newLabel() *label {
	if c.NoFingerprints {
		return new(label)
	}
	if len(c.spare) == 0 {
		c.spare = make([]label, 32)
	}
	l := &c.spare[0]
	c.spare = c.spare[1:]
	return l
}

// addLabel inserts a label. It replaces one at the same address.
func (c *Controlled) addLabel(l *label) {
	if c.fp.on {
		l.identify(c.fp.permutations)
	}
	c.memo = nil
	c.labels.add(l)
	if c.CheckLabels {
		c.assertUnique(l)
	}
	if c.fp.on {
		c.recordStructure(Born, l)
	}
}

// labelOf returns the label of the structure that contains the object, nil if none.
func (c *Controlled) labelOf(obj unsafe.Pointer) *label {
	at := uintptr(obj)
	if l := c.labels.atOrBelow(at); l != nil && at-l.base < l.size && l.live() {
		return l
	}
	return nil
}

// Kfree frees the structure at p with all words and locks in it. It is a visible step. A
// later step on any of them is a use after free. On the free executor Kfree does nothing.
func Kfree[T any](t *Task, p *T) {
	if t.ctl != nil {
		t.ctl.free(t, unsafe.Pointer(p))
	}
}

func (c *Controlled) free(t *Task, p unsafe.Pointer) {
	s := Step{OpFree, p}
	c.step(t, s)
	c.recordStep(t, s, 0)
	if l := c.labelOf(p); l != nil {
		l.freed = true
		c.freed = true
		c.dropFreed(l)
	}
}

// assertNotFreed panics if the object of the task's step is in a freed structure.
// Accesses by the processor ([OpAccess], [OpAccessWrite]) are exempt: they do not stand
// for a pointer that kernel code dereferences, and the caller checks what it finds.
func (c *Controlled) assertNotFreed(t *Task, s Step) {
	if s.Op == OpAccess || s.Op == OpAccessWrite || s.Obj == nil {
		return
	}
	if l := c.labelOf(s.Obj); l != nil && l.freed {
		UseAfterFree(t, kernelFunc(), c.ObjectName(s.Obj)+" has been freed")
	}
}

// ID returns the identities of a step's object (id) and of the structure that contains it
// (in) under a permutation. ok is false if the object has no label. The executor must
// compute fingerprints.
func (c *Controlled) ID(obj unsafe.Pointer, permutation int) (id, in ObjectID, ok bool) {
	if obj == nil {
		return 0, 0, true
	}
	l := c.labelOf(obj)
	if l == nil {
		return 0, 0, false
	}
	return ObjectID(c.idIn(l, obj, permutation)), ObjectID(l.ids[permutation]), true
}

// LabelOf returns the label of the structure that contains an object, the object's offset
// in it, and the structure's size, both in bytes. ok is false if it has no label.
func (c *Controlled) LabelOf(obj unsafe.Pointer) (name string, n uint64, offset, size uintptr, ok bool) {
	l := c.labelOf(obj)
	if l == nil {
		return "", 0, 0, 0, false
	}
	return l.name, l.n, uintptr(obj) - l.base, l.size, true
}

// ObjectName returns the name of a step's object for display: the name of the structure
// and the path of the field, as in "parent.queue.Lock".
func (c *Controlled) ObjectName(obj unsafe.Pointer) string {
	if obj == nil {
		return ""
	}
	l := c.labelOf(obj)
	if l == nil {
		return "?"
	}
	return l.name + fieldAt(l.typ, uintptr(obj)-l.base)
}

// fieldAt returns the path of the field at an offset in bytes, "" for a primitive of sim.
func fieldAt(typ reflect.Type, offset uintptr) string {
	switch typ {
	case reflect.TypeFor[Word](), reflect.TypeFor[SpinLock](), reflect.TypeFor[RWSem](), reflect.TypeFor[Task]():
		return ""
	}
	switch typ.Kind() {
	case reflect.Array:
		size := typ.Elem().Size()
		return fmt.Sprintf("[%d]", offset/size) + fieldAt(typ.Elem(), offset%size)
	case reflect.Struct:
		for f := range typ.Fields() {
			if offset >= f.Offset && offset < f.Offset+f.Type.Size() {
				rest := fieldAt(f.Type, offset-f.Offset)
				if f.Anonymous {
					return rest
				}
				return "." + f.Name + rest
			}
		}
	}
	return ""
}

// Mix adds b to the hash a. The result depends on the order in which values are added.
func Mix(a, b uint64) uint64 {
	h := (a ^ (b+1)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	h ^= h >> 32
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}

// hashString returns the 64-bit FNV-1a hash of s.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
