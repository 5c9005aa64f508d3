package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"pgregory.net/rapid"
)

// The state machine compares the page table with an oracle, which has for each page
// whether it is mapped, its rights, and one byte of content. It uses two ranges of
// addresses, one inside a table and one of three huge pages, in up to three address
// spaces that fork from each other.
type ptMachine struct {
	family []*ptMember
}

type ptMember struct {
	*world
	pages map[uint64]ptPage // by address; absent: not mapped
}

type ptPage struct {
	prot Prot
	data byte // of the whole page
	seen bool // accessed and not dropped since, so it must be present
}

const ptWindow = 3 * pgtable.Entries

// draw draws an address space and a range of pages in it.
func (m *ptMachine) draw(r *rapid.T) (w *ptMember, start, end uint64) {
	w = m.family[rapid.IntRange(0, len(m.family)-1).Draw(r, "mm")]
	if rapid.Bool().Draw(r, "small") {
		from := rapid.IntRange(0, 11).Draw(r, "from")
		return w, pg(from), pg(from + rapid.IntRange(1, 6).Draw(r, "n"))
	}
	from := rapid.SampledFrom([]int{0, 1, 511, 512, 513, 700, 1024, 1535}).Draw(r, "from")
	n := rapid.SampledFrom([]int{1, 2, 511, 512, 513, 1024, 1536}).Draw(r, "n")
	return w, hugeBase + uint64(from)*PageSize, hugeBase + uint64(min(from+n, ptWindow))*PageSize
}

func (w *ptMember) each(start, end uint64, fn func(addr uint64, p ptPage, mapped bool)) {
	for addr := start; addr < end; addr += PageSize {
		p, ok := w.pages[addr]
		fn(addr, p, ok)
	}
}

func (m *ptMachine) Mmap(r *rapid.T) {
	w, start, end := m.draw(r)
	prot := rapid.SampledFrom([]Prot{protRW, protRW, ProtRead, ProtNone}).Draw(r, "prot")
	_, err := w.mm.Mmap(w.t, start, end-start, prot, fixed, nil, 0)
	require.NoError(r, err)
	w.each(start, end, func(addr uint64, _ ptPage, _ bool) { w.pages[addr] = ptPage{prot: prot} })
}

func (m *ptMachine) Munmap(r *rapid.T) {
	w, start, end := m.draw(r)
	require.NoError(r, w.mm.Munmap(w.t, start, end-start))
	w.each(start, end, func(addr uint64, _ ptPage, _ bool) { delete(w.pages, addr) })
}

func (m *ptMachine) DontNeed(r *rapid.T) {
	w, start, end := m.draw(r)
	_ = w.mm.Madvise(w.t, start, end-start, MadvDontNeed) // a hole is ENOMEM, but the rest is done
	w.each(start, end, func(addr uint64, p ptPage, mapped bool) {
		if mapped {
			w.pages[addr] = ptPage{prot: p.prot}
		}
	})
}

func (m *ptMachine) Mprotect(r *rapid.T) {
	w, start, end := m.draw(r)
	prot := rapid.SampledFrom([]Prot{protRW, ProtRead, ProtNone}).Draw(r, "prot")
	err := w.mm.Mprotect(w.t, start, end-start, prot)
	hole := false
	w.each(start, end, func(addr uint64, p ptPage, mapped bool) {
		if hole = hole || !mapped; !hole { // it stops there
			p.prot = prot
			w.pages[addr] = p
		}
	})
	require.Equal(r, hole, err != nil)
}

// Touch stores to or loads from one or two pages of the range.
func (m *ptMachine) Touch(r *rapid.T) {
	w, start, end := m.draw(r)
	write := rapid.Bool().Draw(r, "write")
	b := byte(rapid.IntRange(1, 255).Draw(r, "byte"))
	for addr, n := start, 0; addr < end && n < 2; addr, n = addr+PageSize, n+1 {
		p, mapped := w.pages[addr]
		want := SegFault
		if mapped && (p.prot == protRW || p.prot == ProtRead && !write) {
			want = Done
		}
		buf := ptBytes(1, b)
		access := w.mm.Load
		if write {
			access = w.mm.Store
		}
		outcome, at := access(w.t, addr, buf)
		require.Equal(r, want, outcome)
		if want != Done {
			require.Equal(r, addr, at)
			continue
		}
		if write {
			p.data = b
		}
		require.Equal(r, ptBytes(1, p.data), buf)
		p.seen = true
		w.pages[addr] = p
	}
}

// Copy makes an UFFDIO_COPY; the VMA is registered only for its duration.
func (m *ptMachine) Copy(r *rapid.T) {
	w, start, _ := m.draw(r)
	vma := w.mm.lookup(start)
	if vma == nil || vma.Start > start {
		return
	}
	flags := vma.Flags
	vma.Flags, vma.Userfault = flags|VMUffdMissing, &fakeUffd{}
	n, err := w.copyPage(w.t, start, 'u')
	vma.Flags, vma.Userfault = flags, nil
	if n == PageSize {
		p := w.pages[start]
		require.False(r, p.seen, "COPY-4: no entry is overwritten")
		p.data, p.seen = 'u', true
		w.pages[start] = p
	}
	require.Equal(r, n == 0, err != nil)
}

func (m *ptMachine) THP(r *rapid.T) {
	w, _, _ := m.draw(r)
	w.mm.THP = rapid.SampledFrom([]THPMode{THPAlways, THPNever}).Draw(r, "thp")
}

func (m *ptMachine) Fork(r *rapid.T) {
	w, _, _ := m.draw(r)
	if len(m.family) == 3 {
		return
	}
	child := &ptMember{w.forked(), map[uint64]ptPage{}}
	for addr, p := range w.pages {
		p.seen = false // fork may not copy pages that were only read
		child.pages[addr] = p
	}
	m.family = append(m.family, child)
}

func (m *ptMachine) Exit(r *rapid.T) {
	w, _, _ := m.draw(r)
	if len(m.family) == 1 {
		return
	}
	w.mm.Put(w.t)
	for i, other := range m.family {
		if other == w {
			m.family = append(m.family[:i:i], m.family[i+1:]...)
		}
	}
}

// Check compares all pages with the oracle; it runs after every action.
func (m *ptMachine) Check(r *rapid.T) {
	var mms []*MM
	for _, w := range m.family {
		mms = append(mms, w.mm)
		w.mm.MmapLock.DownRead(w.t)
		require.NoError(r, w.mm.CheckInvariants(w.t))
		w.mm.MmapLock.UpRead(w.t)
		for addr, p := range w.pages {
			if p.seen && !w.present(addr) {
				r.Fatalf("page %#x has gone", addr)
			}
			if b, ok := w.peekByte(addr); ok && b != p.data {
				r.Fatalf("page %#x is %#x, should be %#x", addr, b, p.data)
			}
		}
	}
	require.NoError(r, CheckFrames(mms...))
}

func TestPageTableStateMachine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		w.mm.THP = THPAlways
		m := &ptMachine{family: []*ptMember{{w, map[uint64]ptPage{}}}}
		actions := rapid.StateMachineActions(m)
		r.Repeat(actions)
		for _, w := range m.family {
			w.mm.Put(w.t)
		}
		require.Zero(r, w.memory.InUse())
	})
}
