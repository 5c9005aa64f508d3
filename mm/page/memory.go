package page

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// Memory is physical memory: it numbers frames and counts those in use.
type Memory struct {
	// MaxPages is the number of frames and page tables that may be allocated in total; 0
	// means unlimited. Exceeding it is a [*sim.Bug]: the kernel panics, as with
	// vm.panic_on_oom. Set it before the first use.
	MaxPages uint64
	// KeepsNumbers: a frame that is reused keeps its number, as on a real machine.
	// Otherwise it gets a new one, so that a run does not depend on earlier runs. Set it
	// before the first use.
	KeepsNumbers bool

	zero  *Frame          // immutable after Init
	pfn   sim.Word        // last frame number assigned; atomic
	freed sim.Pool[Frame] // free frames that no counter keeps; has its own lock

	inUse [counters]Counter // frames in use, without the zero page
}

// Counter is one part of a count that is split so that processors do not contend:
// percpu_counter, indexed by address space instead of by processor. It also keeps free
// frames for its address spaces, because a frame that changes processors takes its cache
// lines along. The fields have their own synchronization.
type Counter struct {
	_     cacheLinePad
	n     sim.Word
	freed sim.Shelf[Frame]
	_     cacheLinePad
}

// cacheLinePad puts the fields before and after it on different cache lines. A line has
// 64 bytes on x86-64 and most other processors; where lines are longer, counting is
// slower.
type cacheLinePad [64]byte

// shelved is the maximum number of free frames that a counter keeps.
const shelved = 256

// counters is the number of parts that the count of frames in use has.
const counters = 16

// Init initializes the memory. Only the zero page is in use afterwards.
func (m *Memory) Init() {
	m.zero = &Frame{memory: m, pfn: m.pfn.Tick(1), data: new([Size]byte)}
	m.zero.refs.Init(1)
}

// Restart resets the frame numbers, so that the next run gets the same numbers as on new
// memory. No frame may be in use.
func (m *Memory) Restart() { m.pfn.Init(m.zero.pfn) }

// Zero returns the page of zeroes that a read fault maps where nothing was written yet:
// ZERO_PAGE. References to it are not counted.
func (m *Memory) Zero() *Frame { return m.zero }

// Number assigns n consecutive page frame numbers and returns the last of them. It panics
// with a [*sim.Bug] if that exceeds MaxPages.
func (m *Memory) Number(n uint64) uint64 {
	last := m.pfn.Tick(n)
	if m.MaxPages != 0 && last-m.zero.pfn > m.MaxPages {
		panic(&sim.Bug{Kind: sim.BugOutOfMemory, Where: "alloc_pages", What: fmt.Sprintf("more than %d pages", m.MaxPages)})
	}
	return last
}

// InUse returns the number of frames in use, without the zero page. It is for observers:
// after the last address space has been torn down it must be 0.
func (m *Memory) InUse() uint64 {
	var n uint64
	for i := range m.inUse {
		n += m.inUse[i].n.Peek()
	}
	return n
}

// Counter returns the counter for the frames of address space number space.
func (m *Memory) Counter(space uint64) *Counter { return &m.inUse[space%counters] }

// AllocZeroed returns a zeroed frame with one reference, counted in home: clear_highpage
// after alloc_page.
func (m *Memory) AllocZeroed(home *Counter) *Frame {
	f := m.Alloc(home)
	clear(f.data[:])
	return f
}

// Alloc returns a frame with one reference, counted in home: alloc_page. It still has the
// bytes of its last use, which the caller must overwrite.
func (m *Memory) Alloc(home *Counter) *Frame {
	home.n.Tick(1)
	f := home.freed.Get()
	if f == nil {
		f = m.freed.Get()
	}
	if f == nil {
		f = &Frame{memory: m, data: new([Size]byte)}
	}
	f.home, f.sharing = home, nil
	if f.pfn == 0 || !m.KeepsNumbers {
		f.pfn = m.Number(1)
	}
	f.refs.Init(1)
	return f
}

// AllocHuge returns the frames of a zeroed huge page, with consecutive numbers and one
// reference each, counted in home: alloc_hugepage_vma.
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
