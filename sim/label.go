package sim

import (
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// ObjectID identifies a shared object across runs of one program: the same object has
// the same ID in every run, whatever the interleaving.
type ObjectID uint64

// label names the memory of a structure.
type label struct {
	base uintptr
	size uintptr
	ref  unsafe.Pointer // keeps the memory from being used for something else
	name string
	n    uint64
	ids  sums // id under each renaming of the fingerprint
	part sums // what is in the structure adds to the fingerprint
	left []content
	typ  reflect.Type
	gone bool // freed
}

// content stands, in the fingerprint, for what an object holds: for what a lock guards, or a word's handle means.
type content struct {
	obj    unsafe.Pointer
	stands sums
}

// content is what stands for an object in the structure, nil if nothing but its value does.
func (l *label) content(obj unsafe.Pointer) *sums {
	for i := range l.left {
		if l.left[i].obj == obj {
			return &l.left[i].stands
		}
	}
	return nil
}

// setContent replaces it.
func (l *label) setContent(obj unsafe.Pointer, stands *sums) {
	if old := l.content(obj); old != nil {
		*old = *stands
		return
	}
	l.left = append(l.left, content{obj, *stands})
}

// dropContent ends that anything else stands for the object.
func (l *label) dropContent(obj unsafe.Pointer) {
	l.left = slices.DeleteFunc(l.left, func(c content) bool { return c.obj == obj })
}

// identify finds what the structure would be called under the renamings.
func (l *label) identify(renamings []Renaming) {
	for k, r := range renamings {
		name, n := l.name, l.n
		if r.Label != nil {
			name, n = r.Label(name, n)
		}
		l.ids[k] = mix(hashString(name), n)
	}
}

// Label tells a controlled executor what the structure at p is, so that the shared
// words and locks in it have a name in traces and an identity that is the same in
// every run. name and n together must be: two structures must not share them, and one
// must not get others in another interleaving. In the free executor it does nothing.
func Label[T any](t *Task, p *T, name string, n uint64) {
	if t.ctl != nil {
		LabelIn(t.ctl, p, name, n)
	}
}

// LabelIn is [Label] for what is made before the first task.
func LabelIn[T any](c *Controlled, p *T, name string, n uint64) {
	if len(c.spare) == 0 {
		c.spare = make([]label, 32)
	}
	l := &c.spare[0]
	c.spare = c.spare[1:]
	*l = label{
		base: uintptr(unsafe.Pointer(p)), size: unsafe.Sizeof(*p), ref: unsafe.Pointer(p),
		name: name, n: n, typ: reflect.TypeFor[T](),
	}
	c.addLabel(l)
}

func (c *Controlled) addLabel(l *label) {
	if c.print.on {
		l.identify(c.print.renamings)
	}
	c.memo = nil
	i, found := slices.BinarySearchFunc(c.labels, l.base, func(l *label, base uintptr) int {
		if l.base < base {
			return -1
		}
		return int(min(l.base-base, 1))
	})
	if found {
		c.labels[i] = l // named anew: its owner uses it for something else now
		return
	}
	c.labels = slices.Insert(c.labels, i, l)
}

// labelOf finds the structure that the object lies in, nil if it has no label.
func (c *Controlled) labelOf(obj unsafe.Pointer) *label {
	at := uintptr(obj)
	lo, hi := 0, len(c.labels)
	for lo < hi {
		if mid := (lo + hi) / 2; c.labels[mid].base <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return nil
	}
	if l := c.labels[lo-1]; at-l.base < l.size {
		return l
	}
	return nil
}

// Kfree says that the structure at p goes away, with every word and lock in it. It is a
// visible step. A task that touches any of it afterwards has found a use after free. In
// the free executor it does nothing.
func Kfree[T any](t *Task, p *T) {
	if t.ctl != nil {
		t.ctl.free(t, unsafe.Pointer(p))
	}
}

func (c *Controlled) free(t *Task, p unsafe.Pointer) {
	s := Step{OpFree, p}
	c.step(t, s)
	c.saw(t, s, 0)
	if l := c.labelOf(p); l != nil {
		l.gone = true
		c.freed = true
		c.forgetFreed(l)
	}
}

// assertThere panics if the object of the step that the task takes is in a structure that
// has been freed. The processor's own accesses ([OpAccess], [OpAccessWrite]) are exempt: no
// kernel code follows a stale pointer there, and the caller checks what it finds.
func (c *Controlled) assertThere(t *Task, s Step) {
	if s.Op == OpAccess || s.Op == OpAccessWrite || s.Obj == nil {
		return
	}
	if l := c.labelOf(s.Obj); l != nil && l.gone {
		UseAfterFree(t, kernelFunc(), c.ObjectName(s.Obj)+" has been freed")
	}
}

// ID is the identity of a step's object under a renaming, and in that of the structure that
// it lies in. An object without a label has none, and the answer is false. It is for an
// executor with fingerprints.
func (c *Controlled) ID(obj unsafe.Pointer, renaming int) (id, in ObjectID, ok bool) {
	if obj == nil {
		return 0, 0, true
	}
	l := c.labelOf(obj)
	if l == nil {
		return 0, 0, false
	}
	return ObjectID(c.idIn(l, obj, renaming)), ObjectID(l.ids[renaming]), true
}

// ObjectName is the name of a step's object for people: the structure's label and the
// path of the field, "parent.queue.Lock".
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

// fieldAt is the path of the field at an offset.
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

// mix stirs b into a: a step of a hash that depends on the order of its input.
func mix(a, b uint64) uint64 {
	h := (a ^ (b+1)*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	h ^= h >> 32
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>29
}

func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
