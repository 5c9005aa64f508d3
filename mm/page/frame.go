// Package page is physical memory: [Frame] is a page of real bytes with a number and a
// reference count (struct page), and [Memory] allocates and counts frames.
//
// Nothing here is a visible step: a frame is guarded by whatever refers to it, the lock of
// the page table that maps it above all.
//
// # Stability
//
// Internal: everything may change in any commit, except for [Memory.InUse] and the sizes.
package page

import (
	"encoding/binary"

	"github.com/uffdsim/uffdsim/sim"
)

// Page sizes, in bytes, and the number of pages in a huge one.
const (
	Shift   = 12
	Size    = 1 << Shift
	Mask    = ^uint64(Size - 1)
	PerHuge = 512
)

// Frame is a page of physical memory with its real bytes.
type Frame struct {
	memory *Memory
	home   *Counter // that it is counted in
	pfn    uint64
	refs   sim.Word // page-table entries and page caches that hold it
	data   *[Size]byte
	bare   sim.BareLock // keeps accesses through the tables of several mappings apart

	// A frame fills a cache line: otherwise frames that are reused on different processors would
	// share one, and each reference count would take it away from the other processor.
	_ [16]byte
}

// PFN returns the page frame number.
func (f *Frame) PFN() uint64 { return f.pfn }

// Data returns the frame's bytes. The caller holds the only reference, or the lock of the
// page table that maps the frame.
func (f *Frame) Data() *[Size]byte { return f.data }

// Get takes a reference: get_page.
func (f *Frame) Get() { f.refs.Tick(1) }

// Put drops a reference: put_page. The last one frees the frame. Nothing accesses its
// bytes by then: an access without a reference of its own holds the lock of the page table
// that maps the frame.
func (f *Frame) Put() {
	if f.refs.Tick(^uint64(0)) == 0 {
		f.home.n.Tick(^uint64(0))
		if !f.home.freed.Put(f, shelved) {
			f.memory.freed.Put(f)
		}
	}
}

// Refs returns the number of references, for observers: page_count.
func (f *Frame) Refs() uint64 { return f.refs.Peek() }

// Shared reports whether anything besides the caller's entry holds the frame, so
// that a write has to copy it.
func (f *Frame) Shared() bool { return f.refs.Peek() > 1 }

// IsZero reports whether the frame is the zero page: is_zero_pfn.
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

// Copy makes the frame's bytes those of another: copy_highpage. The caller holds the only
// reference to f.
func (f *Frame) Copy(from *Frame) { *f.data = *from.data }

// Access copies between buf and the frame's bytes from addr's offset in the page on. The lock
// of the table that maps the frame must be held, which is enough for a frame that no other
// table maps.
func (f *Frame) Access(t *sim.Task, addr uint64, buf []byte, write bool) {
	if f.Shared() {
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
