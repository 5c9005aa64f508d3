// Package page models physical memory: [Frame] is a page with its bytes, a frame number
// and a reference count (struct page), and [Memory] allocates and counts frames.
//
// A kernel name after a colon is the function of Linux 4.3 that a function recreates.
//
// A frame's bytes are protected by the lock of the object that refers to the frame:
// usually the page table that maps it. As long as the frame has one such object, no
// operation here is a visible step of a task. [Sharing] says which are steps afterwards.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Memory.InUse] and the page sizes.
//
// Internal (may change in any commit, although other packages of this module use it):
// everything else.
package page

import (
	"encoding/binary"

	"github.com/uffdsim/uffdsim/sim"
)

// The size of a page.
const (
	Shift   = 12                // log2 of Size
	Size    = 1 << Shift        // bytes in a page
	Mask    = ^uint64(Size - 1) // clears an address's offset in its page
	PerHuge = 512               // pages in a huge page
)

// Frame is a page of physical memory: struct page, with the page's bytes. The fields
// without a comment are set when the frame is allocated and do not change while it is in
// use.
type Frame struct {
	memory *Memory
	home   *Counter // counts the frame
	pfn    uint64
	refs   sim.Word     // page-table entries and page caches that refer to the frame; atomic
	data   *[Size]byte  // the bytes are protected as [Frame.Data] says
	bare   sim.BareLock // serializes accesses through several page tables
	// sharing is nil until the frame is first shared, and on a free executor. It is set
	// under the lock of the only object that refers to the frame.
	sharing *Sharing

	// Pads the frame to a cache line. Two frames on one line would make their reference
	// counts contend when they are used on different processors.
	_ [8]byte
}

// PFN returns the page frame number.
func (f *Frame) PFN() uint64 { return f.pfn }

// Data returns the frame's bytes. The caller must hold the only reference, or the lock of
// the page table that maps the frame.
func (f *Frame) Data() *[Size]byte { return f.data }

// Get takes a reference: get_page.
func (f *Frame) Get(t *sim.Task) {
	f.sharing.get(t)
	f.refs.Tick(1)
}

// Put drops a reference, and frees the frame if it was the last: put_page. Freeing needs
// no lock, because an access either has its own reference or holds the lock of the page
// table that maps the frame.
func (f *Frame) Put(t *sim.Task) {
	f.sharing.put(t)
	f.Drop()
}

// Drop is Put without a visible step, for when no task runs.
func (f *Frame) Drop() {
	if f.refs.Tick(^uint64(0)) == 0 {
		f.home.n.Tick(^uint64(0))
		if !f.home.freed.Put(f, shelved) {
			f.memory.freed.Put(f)
		}
	}
}

// Refs returns the number of references, for observers: page_count.
func (f *Frame) Refs() uint64 { return f.refs.Peek() }

// Shared reports whether anything besides the caller's page-table entry refers to the
// frame. A write through the entry must copy a shared frame. The table's lock must be
// held.
func (f *Frame) Shared(t *sim.Task) bool {
	f.sharing.look(t)
	return f.refs.Peek() > 1
}

// IsZero reports whether the frame is the shared zero page: is_zero_pfn.
func (f *Frame) IsZero() bool { return f == f.memory.zero }

// Sum returns a hash of the frame's bytes.
func (f *Frame) Sum() uint64 {
	h := uint64(len(f.data))
	for i := 0; i < len(f.data); i += 8 {
		h = (h ^ binary.LittleEndian.Uint64(f.data[i:])) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

// Copy copies the bytes of another frame to f: copy_highpage. The caller must hold the
// only reference to f.
func (f *Frame) Copy(from *Frame) { *f.data = *from.data }

// Access copies buf to the frame's bytes at addr's offset in the page if write is set,
// and the other way otherwise. The lock of the page table that maps the frame must be
// held. It is enough while no other table maps the frame; otherwise the frame's own lock
// is taken, too.
func (f *Frame) Access(t *sim.Task, addr uint64, buf []byte, write bool) {
	if f.Refs() > 1 {
		f.bare.Bare(t)
		defer f.bare.EndBare(t)
	}
	data := f.data[addr&(Size-1):]
	if write {
		copy(data, buf)
	} else {
		copy(buf, data)
	}
}
