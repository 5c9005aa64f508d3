package page

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// task is a task of a free executor.
var task = sim.Observer()

func newMemory() *Memory {
	m := &Memory{}
	m.Init()
	return m
}

func TestFrameReferences(t *testing.T) {
	m := newMemory()
	require.Zero(t, m.InUse(), "the zero page is not counted")
	require.True(t, m.Zero().IsZero())
	f, g := m.AllocZeroed(m.Counter(0)), m.AllocZeroed(m.Counter(0))
	require.NotEqual(t, f.PFN(), g.PFN())
	require.NotEqual(t, m.Zero().PFN(), f.PFN())
	require.EqualValues(t, 2, m.InUse())
	require.False(t, f.Shared(task))
	f.Get(task)
	require.True(t, f.Shared(task))
	f.Drop()
	require.EqualValues(t, 2, m.InUse())
	f.Drop()
	g.Drop()
	require.Zero(t, m.InUse())
}

// A reused frame gets a new number, and AllocZeroed clears its old bytes.
func TestFrameReuse(t *testing.T) {
	m := newMemory()
	seen := map[uint64]bool{m.Zero().PFN(): true}
	for range 100 {
		f := m.AllocZeroed(m.Counter(0))
		require.False(t, seen[f.PFN()])
		seen[f.PFN()] = true
		require.Equal(t, [Size]byte{}, *f.Data())
		f.Data()[7] = 1
		f.Drop()
	}
}

// With KeepsNumbers a reused frame has its old number, and the numbers of frames in use
// differ.
func TestFrameKeepsNumber(t *testing.T) {
	m := newMemory()
	m.KeepsNumbers = true
	f := m.Alloc(m.Counter(1))
	first := f.PFN()
	f.Drop()
	seen := map[uint64]bool{m.Zero().PFN(): true}
	for i := range uint64(100) {
		f := m.Alloc(m.Counter(i))
		require.False(t, seen[f.PFN()])
		seen[f.PFN()] = true
	}
	require.Contains(t, seen, first)
	require.LessOrEqual(t, len(seen), 102)
	require.EqualValues(t, 100, m.InUse())
}

func TestHugeFrames(t *testing.T) {
	m := newMemory()
	block := m.AllocHuge(m.Counter(0))
	require.EqualValues(t, PerHuge, m.InUse())
	for i := range block {
		f := &block[i]
		require.Equal(t, block[0].PFN()+uint64(i), f.PFN(), "contiguous")
		f.Data()[0] = byte(i)
	}
	require.Equal(t, byte(7), block[7].Data()[0], "each frame has its own bytes")
	next := m.AllocZeroed(m.Counter(0))
	require.Greater(t, next.PFN(), block[PerHuge-1].PFN())
	next.Drop()
	for i := range block {
		block[i].Drop()
	}
	require.Zero(t, m.InUse())
}

// Frames in use on different processors must not share a cache line.
func TestFrameFillsCacheLine(t *testing.T) {
	require.EqualValues(t, 64, unsafe.Sizeof(Frame{}))
}

// A memory with a limit allocates that many frames and page tables, and panics at one
// more.
func TestMaxPages(t *testing.T) {
	m := newMemory()
	m.MaxPages = PerHuge + 2
	m.Number(1) // a page table
	m.Alloc(m.Counter(0)).Drop()
	m.AllocHuge(m.Counter(0))
	require.PanicsWithError(t, "out of memory in alloc_pages: more than 514 pages", func() { m.Alloc(m.Counter(0)) })
}
