package mm

import "github.com/uffdsim/uffdsim/sim"

// Memory is the physical memory that address spaces share: it numbers frames and
// counts those in use.
type Memory struct {
	zero  *Frame
	pfn   sim.Word // last frame number given out
	inUse sim.Word // frames not yet freed, the zero page apart
}

// Frame is a page of physical memory with its real bytes.
type Frame struct {
	memory *Memory
	pfn    uint64
	refs   sim.Word // page-table entries and page caches that hold it
	data   *[PageSize]byte
}

// NewMemory returns a memory in which nothing but the zero page is in use.
func NewMemory() *Memory {
	m := &Memory{}
	m.zero = &Frame{memory: m, pfn: m.pfn.Tick(1), data: new([PageSize]byte)}
	m.zero.refs.Init(1)
	return m
}

// InUse is the number of frames that something refers to, the zero page apart. It
// is for observers: after the last address space has gone it must be 0.
func (m *Memory) InUse() uint64 { return m.inUse.Peek() }

// allocZeroed returns a frame of zeroes with one reference.
func (m *Memory) allocZeroed() *Frame {
	m.inUse.Tick(1)
	f := &Frame{memory: m, pfn: m.pfn.Tick(1), data: new([PageSize]byte)}
	f.refs.Init(1)
	return f
}

// get takes a reference: get_page.
func (f *Frame) get() { f.refs.Tick(1) }

// put drops a reference: put_page. The bytes are left to the garbage collector and
// never reused, so that an access which began before the page was unmapped can still
// end: what the flush of the TLB guarantees on hardware.
func (f *Frame) put() {
	if f.refs.Tick(^uint64(0)) == 0 {
		f.memory.inUse.Tick(^uint64(0))
	}
}

// shared reports whether someone besides the caller's entry holds the frame, so
// that a write has to copy it.
func (f *Frame) shared() bool { return f.refs.Peek() > 1 }

func (f *Frame) isZeroPage() bool { return f == f.memory.zero }
