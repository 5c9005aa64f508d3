package page

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// Memory is physical memory: it numbers frames and counts those in use.
type Memory struct {
	// MaxPages is how many frames and page tables may be given out in all; 0 means any number. One
	// more is a [*sim.Bug]: the kernel panics, as with vm.panic_on_oom. Set it before the first use.
	MaxPages uint64
	// KeepsNumbers lets a frame that is used again have the number that it had, as it does on a real
	// machine. Without, every page has a new one, so that a run does not depend on the ones before.
	KeepsNumbers bool

	zero  *Frame
	pfn   sim.Word // last frame number given out
	freed sim.Pool[Frame]

	inUse [counters]Counter // frames not yet freed, the zero page apart
}

// Counter is a part of a count that is kept in several places, so that processors that count at the same
// time do not wait for each other: percpu_counter, by address space. Likewise it keeps free frames for those
// address spaces: a frame that moves between processors takes its cache lines along. A Counter has cache
// lines of its own.
type Counter struct {
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

// Init makes a memory ready in which nothing but the zero page is in use.
func (m *Memory) Init() {
	m.zero = &Frame{memory: m, pfn: m.pfn.Tick(1), data: new([Size]byte)}
	m.zero.refs.Init(1)
}

// Restart makes the memory number its frames from the start again, so that what happens
// on it next happens as on new memory. No frame of it may be in use.
func (m *Memory) Restart() { m.pfn.Init(m.zero.pfn) }

// Zero returns the page of zeroes that all read-only mappings of untouched memory share:
// ZERO_PAGE. Its references are not counted.
func (m *Memory) Zero() *Frame { return m.zero }

// Number gives out n page frame numbers in a row, and returns the last.
func (m *Memory) Number(n uint64) uint64 {
	last := m.pfn.Tick(n)
	if m.MaxPages != 0 && last-m.zero.pfn > m.MaxPages {
		panic(&sim.Bug{Kind: sim.BugOutOfMemory, Where: "alloc_pages", What: fmt.Sprintf("more than %d pages", m.MaxPages)})
	}
	return last
}

// InUse returns the number of frames that something refers to, the zero page apart. It
// is for observers: after the last address space has been torn down it must be 0.
func (m *Memory) InUse() uint64 {
	var n uint64
	for i := range m.inUse {
		n += m.inUse[i].n.Peek()
	}
	return n
}

// Counter returns the counter of the frames that the address space of the number allocates.
func (m *Memory) Counter(space uint64) *Counter { return &m.inUse[space%counters] }

// AllocZeroed returns a frame of zeroes with one reference, counted in home.
func (m *Memory) AllocZeroed(home *Counter) *Frame {
	f := m.Alloc(home)
	clear(f.data[:])
	return f
}

// Alloc returns a frame with one reference, counted in home, whose bytes the caller
// overwrites.
func (m *Memory) Alloc(home *Counter) *Frame {
	home.n.Tick(1)
	f := home.freed.Get()
	if f == nil {
		f = m.freed.Get()
	}
	if f == nil {
		f = &Frame{memory: m, data: new([Size]byte)}
	}
	f.home = home
	if f.pfn == 0 || !m.KeepsNumbers {
		f.pfn = m.Number(1)
	}
	f.refs.Init(1)
	return f
}

// AllocHuge returns the frames of a zeroed huge page, with one reference each.
func (m *Memory) AllocHuge(home *Counter) *[PerHuge]Frame {
	home.n.Tick(PerHuge)
	first := m.Number(PerHuge) - PerHuge + 1
	bytes := new([PerHuge][Size]byte)
	block := new([PerHuge]Frame)
	for i := range block {
		f := &block[i]
		f.memory, f.home, f.pfn, f.data = m, home, first+uint64(i), &bytes[i]
		f.refs.Init(1)
	}
	return block
}
