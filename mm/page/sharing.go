package page

import (
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/sim"
)

// Sharing makes the accesses to a shared frame visible steps. A frame to which one object
// refers needs none: every access to its reference count and bytes is made under that
// object's lock. That changes when a second object, such as the page table of a forked
// child, refers to it: its tasks hold a lock of their own. From then on each change of
// the count and each read of it is a step, until the frame is free. The small pages of a
// huge page have one Sharing.
//
// Whether a frame has a Sharing is decided under the lock of the only object that refers
// to it, or before the frame is published. So no task can change, without a step that
// another task's access depends on, whether that access is a step.
type Sharing struct {
	// refs counts like the frame's reference count, but begins at manyRefs: no task can
	// tell who drops the last reference, so the order of two puts never matters.
	refs sim.Word
	// bytes protects the bytes if mutable is set. It is no lock of the kernel. It stands
	// for the fact that a processor's access is over before an unmapping task has flushed
	// the TLB: an entry that maps the frame is stored only with the lock held.
	bytes sim.SpinLock
	// mutable says that several address spaces may write to the frame. Otherwise it is
	// mapped read-only until one of them takes it over. Immutable.
	mutable bool
}

const manyRefs = 1 << 20

// bytesClass is the class of the locks of bytes that several address spaces may write.
var bytesClass = &sim.LockClass{Name: "page bytes", Rank: lockorder.PageBytes}

// Share prepares the frames for a second reference, by copy-on-write. n is an address
// that tells them from all others that are shared with owner, which must have a label.
// The lock of the only object that refers to them must be held.
func Share[O any](t *sim.Task, owner *O, n uint64, frames ...*Frame) {
	if !t.Controlled() || frames[0].sharing != nil {
		return
	}
	s := newSharing()
	sim.LabelOf(t, s, owner, "frame at", n)
	for _, f := range frames {
		f.sharing = s
	}
}

// ShareMutable prepares a new frame for references by several address spaces that may
// write to it. n tells the frame from all others of owner, which must have a label.
func ShareMutable[O any](t *sim.Task, owner *O, n uint64, f *Frame) {
	if !t.Controlled() {
		return
	}
	f.sharing = newSharing()
	f.sharing.mutable = true
	f.sharing.bytes.Init(bytesClass)
	f.sharing.bytes.Guards(func(s *sim.Summary) { s.Add(f.Sum()) })
	sim.LabelOf(t, f.sharing, owner, "frame", n)
}

func newSharing() *Sharing {
	s := &Sharing{}
	s.refs.Init(manyRefs)
	return s
}

// get takes the step of taking a reference, put that of dropping one, and look that of
// reading the count. s may be nil.
func (s *Sharing) get(t *sim.Task) {
	if s != nil {
		s.refs.Inc(t)
	}
}

func (s *Sharing) put(t *sim.Task) {
	if s != nil {
		s.refs.Dec(t)
	}
}

func (s *Sharing) look(t *sim.Task) {
	if s != nil {
		s.refs.Load(t)
	}
}

// SumUp adds the frame to an explorer's summary: its identity if it is shared, and its
// bytes unless a lock protects them.
func (f *Frame) SumUp(s *sim.Summary) {
	if f.sharing != nil {
		s.AddObject(f.sharing)
	}
	if !f.Mutable() {
		s.Add(f.Sum())
	}
}

// Mutable reports whether several address spaces may write to the frame. Its bytes are
// then accessed, and entries that map it stored, only between LockBytes and UnlockBytes.
// On a free executor it returns false.
func (f *Frame) Mutable() bool { return f.sharing != nil && f.sharing.mutable }

// LockBytes begins an access to the bytes of a mutable frame.
func (f *Frame) LockBytes(t *sim.Task) { f.sharing.bytes.Lock(t) }

// UnlockBytes ends an access to the bytes of a mutable frame.
func (f *Frame) UnlockBytes(t *sim.Task) { f.sharing.bytes.Unlock(t) }

// GetHuge is [Frame.Get] for the small pages of a huge page, in one step.
func GetHuge(t *sim.Task, frames *[PerHuge]*Frame) {
	frames[0].sharing.get(t)
	for _, f := range frames {
		f.refs.Tick(1)
	}
}

// PutHuge is [Frame.Put] for the small pages of a huge page, in one step.
func PutHuge(t *sim.Task, frames *[PerHuge]*Frame) {
	frames[0].sharing.put(t)
	for _, f := range frames {
		f.Drop()
	}
}

// AnyShared reports whether [Frame.Shared] is true for any small page of a huge page, in
// one step.
func AnyShared(t *sim.Task, frames *[PerHuge]*Frame) bool {
	frames[0].sharing.look(t)
	for _, f := range frames {
		if f.Refs() > 1 {
			return true
		}
	}
	return false
}
