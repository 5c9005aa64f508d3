package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The state machine compares the mapping calls with an oracle that has pages but no VMAs.
const machinePages = 48

// oraclePage is the oracle's state of a page; the zero value is an unmapped page.
type oraclePage struct {
	mapped bool
	flags  VMFlags // without soft-dirty
	pgoff  uint64
	data   byte
}

type machine struct {
	*world
	pages [machinePages]oraclePage
	// moved: an mremap has moved a mapping. faulted: a write fault has happened. As long
	// as both are false, neighbours with the same attributes are always merged.
	moved, faulted bool
}

func (m *machine) draw(r *rapid.T) (from, to int) {
	from = rapid.IntRange(0, machinePages-1).Draw(r, "from")
	to = rapid.IntRange(from+1, min(from+12, machinePages)).Draw(r, "to")
	return from, to
}

func drawProt(r *rapid.T) Prot {
	return rapid.SampledFrom([]Prot{ProtNone, ProtRead, protRW}).Draw(r, "prot")
}

func (m *machine) Mmap(r *rapid.T) {
	from, to := m.draw(r)
	prot := drawProt(r)
	_, err := m.mm.Mmap(m.t, pg(from), pg(to)-pg(from), prot, fixed, nil, 0)
	require.NoError(r, err)
	flags := prot.vmFlags() | mayAll
	if accountableMapping(flags) {
		flags |= VMAccount
	}
	for i := from; i < to; i++ {
		m.pages[i] = oraclePage{true, flags, pg(i) >> PageShift, 0}
	}
}

func (m *machine) Munmap(r *rapid.T) {
	from, to := m.draw(r)
	require.NoError(r, m.mm.Munmap(m.t, pg(from), pg(to)-pg(from)))
	clear(m.pages[from:to])
}

func (m *machine) Mprotect(r *rapid.T) {
	from, to := m.draw(r)
	prot := drawProt(r)
	err := m.mm.Mprotect(m.t, pg(from), pg(to)-pg(from), prot)
	for i := from; i < to; i++ {
		p := &m.pages[i]
		if !p.mapped {
			require.Error(r, err)
			return
		}
		flags := p.flags&^vmAccess | prot.vmFlags()
		if accountableMapping(flags) {
			flags |= VMAccount
		}
		p.flags = flags
	}
	require.NoError(r, err)
}

func (m *machine) Madvise(r *rapid.T) {
	from, to := m.draw(r)
	advice := rapid.SampledFrom([]Advice{MadvDontFork, MadvDoFork, MadvDontNeed}).Draw(r, "advice")
	err := m.mm.Madvise(m.t, pg(from), pg(to)-pg(from), advice)
	hole := false
	for i := from; i < to; i++ {
		p := &m.pages[i]
		switch {
		case !p.mapped:
			hole = true
		case advice == MadvDontFork:
			p.flags |= VMDontCopy
		case advice == MadvDoFork:
			p.flags &^= VMDontCopy
		default:
			p.data = 0
		}
	}
	require.Equal(r, hole, err != nil)
}

func (m *machine) Store(r *rapid.T) {
	i := rapid.IntRange(0, machinePages-1).Draw(r, "column")
	b := rapid.Byte().Draw(r, "byte")
	outcome, _ := m.mm.Store(m.t, pg(i), []byte{b})
	if m.pages[i].flags&VMWrite == 0 {
		require.Equal(r, SegFault, outcome)
		return
	}
	require.Equal(r, Done, outcome)
	m.pages[i].data, m.faulted = b, true
}

// Mremap moves a part of one VMA and may change its length.
func (m *machine) Mremap(r *rapid.T) {
	from, to := m.draw(r)
	vma := m.at(from)
	if vma == nil || vma.End < pg(to) {
		r.Skip("not in one VMA")
	}
	target := rapid.IntRange(0, machinePages-1).Draw(r, "target")
	n := rapid.IntRange(1, min(12, machinePages-target)).Draw(r, "new length")
	if to > target && target+n > from {
		r.Skip("they overlap")
	}
	unfaulted := vma.AnonVMA() == nil
	_, err := m.mm.Mremap(m.t, pg(from), pg(to)-pg(from), uint64(n)*PageSize, MremapMayMove|MremapFixed, pg(target))
	require.NoError(r, err)
	m.moved = true
	old := [machinePages]oraclePage{}
	copy(old[:], m.pages[from:to])
	clear(m.pages[from:to])
	for i := range n {
		p := old[0]
		p.pgoff += uint64(i)
		p.data = 0
		if i < to-from {
			p.data = old[i].data
		}
		if unfaulted {
			p.pgoff = pg(target+i) >> PageShift
		}
		m.pages[target+i] = p
	}
}

// Grow extends a VMA in place.
func (m *machine) Grow(r *rapid.T) {
	from, to := m.draw(r)
	vma := m.at(from)
	if vma == nil || vma.End < pg(to) {
		r.Skip("not in one VMA")
	}
	n := rapid.IntRange(to-from, min(to-from+6, machinePages-from)).Draw(r, "new length")
	_, err := m.mm.Mremap(m.t, pg(from), pg(to)-pg(from), uint64(n)*PageSize, 0, 0)
	fits := m.roomBehind(to, from+n)
	require.Equal(r, fits, err == nil)
	if !fits {
		return
	}
	m.moved = true
	for i := to; i < from+n; i++ {
		m.pages[i] = m.pages[i-1]
		m.pages[i].pgoff++
		m.pages[i].data = 0
	}
}

// roomBehind reports whether the columns are unmapped.
func (m *machine) roomBehind(from, to int) bool {
	for i := from; i < to; i++ {
		if m.pages[i].mapped {
			return false
		}
	}
	return true
}

// Check compares the VMAs with the oracle's pages; it runs after every action.
func (m *machine) Check(r *rapid.T) {
	m.check()
	n := 0
	for vma := m.mm.first; vma != nil; vma = vma.next {
		for addr := vma.Start; addr < vma.End; addr += PageSize {
			i := int((addr - base) >> PageShift)
			p := m.pages[i]
			p.data = 0
			require.Equal(r, p, oraclePage{true, vma.Flags &^ VMSoftDirty, vma.Pgoff + (addr-vma.Start)>>PageShift, 0}, "column %d", i)
			n++
		}
		if next := vma.next; next != nil && next.Start == vma.End && !m.moved && !m.faulted {
			require.NotEqual(r, vma.Flags&^VMSoftDirty, next.Flags&^VMSoftDirty, "%v and %v should be one", vma, next)
		}
	}
	for i, p := range m.pages {
		if p.mapped {
			n--
		}
		if p.flags&vmAccess != 0 {
			require.Equal(r, p.data, m.peek(i), "column %d", i)
		}
	}
	require.Zero(r, n, "mapped pages")
}

// peek returns the page's first byte without a fault.
func (m *machine) peek(i int) byte {
	var b [1]byte
	m.mm.translate(m.t, pg(i), b[:], false)
	return b[0]
}

func TestVMAMachine(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{world: newWorld(t)}

		r.Repeat(map[string]func(*rapid.T){
			"mmap": m.Mmap, "munmap": m.Munmap, "mprotect": m.Mprotect, "madvise": m.Madvise,
			"store": m.Store, "mremap": m.Mremap, "grow": m.Grow,
			"": m.Check,
		})
		m.mm.Put(m.t)
		require.Zero(r, m.memory.InUse())
	})
}

// The same without faults and moves: every merge that is possible must happen.
func TestVMAMachineMergesAll(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := &machine{world: newWorld(t)}
		r.Repeat(map[string]func(*rapid.T){
			"mmap": m.Mmap, "munmap": m.Munmap, "mprotect": m.Mprotect, "madvise": m.Madvise,
			"": m.Check,
		})
	})
}
