package mm

import (
	"encoding/binary"
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// Memory is the physical memory that address spaces share: it numbers frames and
// counts those in use.
type Memory struct {
	// MaxPages is how many frames and page tables may be given out in all; 0 means any number. One
	// more is a [*sim.Bug]: the kernel panics, as with vm.panic_on_oom. Set it before the first use.
	MaxPages uint64
	// KeepsNumbers lets a frame that is used again have the number that it had, as it does on a real
	// machine. Without, every page has a new one, so that a run does not depend on the ones before.
	KeepsNumbers bool

	zero *Frame
	pfn  sim.Word // last frame number given out
	// spaces counts the address spaces that there have been, to name them in traces.
	spaces sim.Word
	freed  sim.Pool[Frame]

	tables sim.Pool[table] // of freed PTE tables, empty
	upper  sim.Pool[table] // of the others

	inUse [counters]counter // frames not yet freed, the zero page apart
}

// counter is a part of a count that is kept in several places, so that processors which count at the same
// time do not wait for each other: percpu_counter, by address space. Likewise it keeps frames for those
// address spaces: one that goes from processor to processor takes its cache lines along. It has cache lines
// of its own.
type counter struct {
	_     cacheLinePad
	n     sim.Word
	freed sim.Shelf[Frame]
	_     cacheLinePad
}

// cacheLinePad keeps what stands before it off the cache line of what follows. A line of
// x86-64 and of most other processors has 64 bytes; where it has more, counting is slower.
type cacheLinePad [64]byte

// shelved is how many freed frames a counter keeps.
const shelved = 256

const counters = 16

// Frame is a page of physical memory with its real bytes.
type Frame struct {
	memory *Memory
	home   *counter // that it is counted in
	pfn    uint64
	refs   sim.Word // page-table entries and page caches that hold it
	data   *[PageSize]byte
	bare   sim.BareLock // keeps accesses through the tables of several mappings apart

	// A frame fills a cache line: those that are used again on different processors would share one with the
	// next, and every count of references would take it away from somebody else.
	_ [16]byte
}

// NewMemory returns a memory in which nothing but the zero page is in use.
func NewMemory() *Memory {
	m := &Memory{}
	m.zero = &Frame{memory: m, pfn: m.pfn.Tick(1), data: new([PageSize]byte)}
	m.zero.refs.Init(1)
	return m
}

// number gives out n page frame numbers in a row, and returns the last.
func (m *Memory) number(n uint64) uint64 {
	last := m.pfn.Tick(n)
	if m.MaxPages != 0 && last-m.zero.pfn > m.MaxPages {
		panic(&sim.Bug{Kind: sim.BugOutOfMemory, Where: "alloc_pages", What: fmt.Sprintf("more than %d pages", m.MaxPages)})
	}
	return last
}

// InUse is the number of frames that something refers to, the zero page apart. It
// is for observers: after the last address space has gone it must be 0.
func (m *Memory) InUse() uint64 {
	var n uint64
	for i := range m.inUse {
		n += m.inUse[i].n.Peek()
	}
	return n
}

// counter is the one of the frames that an address space of the number asks for.
func (m *Memory) counter(space uint64) *counter { return &m.inUse[space%counters] }

// allocZeroed returns a frame of zeroes with one reference.
func (m *Memory) allocZeroed(home *counter) *Frame {
	f := m.alloc(home)
	clear(f.data[:])
	return f
}

// alloc returns a frame with one reference, whose bytes the caller overwrites.
func (m *Memory) alloc(home *counter) *Frame {
	home.n.Tick(1)
	f := home.freed.Get()
	if f == nil {
		f = m.freed.Get()
	}
	if f == nil {
		f = &Frame{memory: m, data: new([PageSize]byte)}
	}
	f.home = home
	if f.pfn == 0 || !m.KeepsNumbers {
		f.pfn = m.number(1)
	}
	f.refs.Init(1)
	return f
}

// get takes a reference: get_page.
func (f *Frame) get() { f.refs.Tick(1) }

// put drops a reference: put_page. The last one frees the frame. Nobody accesses its
// bytes by then: who does so without a reference of his own holds the lock of the
// page table that maps it.
func (f *Frame) put() {
	if f.refs.Tick(^uint64(0)) == 0 {
		f.home.n.Tick(^uint64(0))
		if !f.home.freed.Put(f, shelved) {
			f.memory.freed.Put(f)
		}
	}
}

// shared reports whether someone besides the caller's entry holds the frame, so
// that a write has to copy it.
func (f *Frame) shared() bool { return f.refs.Peek() > 1 }

// sum is a hash of the frame's bytes.
func (f *Frame) sum() uint64 {
	h := uint64(len(f.data))
	for i := 0; i < len(f.data); i += 8 {
		h = (h ^ binary.LittleEndian.Uint64(f.data[i:])) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h
}

func (f *Frame) isZeroPage() bool { return f == f.memory.zero }
