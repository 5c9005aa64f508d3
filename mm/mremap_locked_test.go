package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// mremap populates the part that it adds to locked memory, in place and after a move, in
// every version.
func TestMremapPopulatesLocked(t *testing.T) {
	const fix = MremapMayMove | MremapFixed
	for _, c := range []struct {
		name          string
		flags         MapFlags
		prot          Prot
		oldLen, newL  int
		how           MremapFlags
		to            int
		after         string
		registrations int // faults, if the memory is registered
	}{
		{"grows", private | MapLocked, protRW, 2, 4, 0, 0, "..pp", 2},
		{"grows, read-only", private | MapLocked, ProtRead, 2, 4, 0, 0, "..zz", 2},
		{"grows, inaccessible", private | MapLocked, ProtNone, 2, 4, 0, 0, "....", 0},
		{"grows, not locked", private, protRW, 2, 4, 0, 0, "....", 0},
		{"stays", private | MapLocked, protRW, 2, 2, 0, 0, "..", 0},
		{"shrinks", private | MapLocked, protRW, 2, 1, 0, 0, "..", 0},
		{"moves", private | MapLocked, protRW, 2, 2, fix, 4, "......", 0},
		{"moves and grows", private | MapLocked, protRW, 2, 4, fix, 4, "......pp", 2},
		{"moves and shrinks", private | MapLocked, protRW, 2, 1, fix, 4, ".....", 0},
		{"moves and grows, not locked", private, protRW, 2, 4, fix, 4, "........", 0},
	} {
		for era, set := range map[string]func(e *Facts){
			"4.3": func(*Facts) {}, "5.0": func(e *Facts) { e.Mremap.Unregisters = true },
			"6.17": func(e *Facts) { e.Mremap.Unregisters, e.Mremap.MergesGrown, e.Mremap.ChecksFirst = true, true, true },
		} {
			t.Run(c.name+" "+era, func(t *testing.T) {
				w := newWorld(t)
				set(&w.mm.Facts)
				w.mmap(0, 2, c.prot, c.flags)
				w.mm.zapPages(w)
				to := pg(c.to)
				at, err := w.mm.Mremap(w.t, pg(0), uint64(c.oldLen)*PageSize, uint64(c.newL)*PageSize, c.how, to)
				require.NoError(t, err)
				require.Equal(t, to, at)
				w.check()
				require.Equal(t, c.after, w.pages(len(c.after)))
				w.frames()
			})
			t.Run(c.name+" registered "+era, func(t *testing.T) {
				w := newWorld(t)
				set(&w.mm.Facts)
				w.mmap(0, 2, c.prot, c.flags)
				w.mm.zapPages(w)
				u := w.filler('x')
				w.register(pg(0), u)
				_, err := w.mm.Mremap(w.t, pg(0), uint64(c.oldLen)*PageSize, uint64(c.newL)*PageSize, c.how, pg(c.to))
				require.NoError(t, err)
				w.check()
				if c.to != 0 && w.mm.Facts.Mremap.Unregisters {
					require.Empty(t, u.calls, "the mapping has lost its registration")
				} else {
					require.Len(t, u.calls, c.registrations)
				}
				w.frames()
			})
		}
	}
}

// zapPages drops all pages, as MADV_DONTNEED would if the memory were not locked.
func (mm *MM) zapPages(w *world) {
	w.locked(func() { mm.zapPageRange(w.t, mm.first.Start, mm.first.End) })
}

// The population sleeps without mmap_lock. It also ends if the mapping is unmapped or the
// task is killed.
func TestMremapSleepsInPopulate(t *testing.T) {
	for _, checked := range []bool{false, true} {
		w := newWorld(t)
		w.mm.Facts.Mremap.ChecksFirst = checked
		u := &fakeUffd{sleep: true}
		w.mmap(0, 2, protRW, private|MapLocked)
		w.register(pg(0), u)
		r := w.controlled(inTurn{})
		var at uint64
		var err error
		g := r.start("G", func(t *sim.Task) { at, err = w.mm.Mremap(t, pg(0), 2*PageSize, 3*PageSize, 0, 0) })
		r.settle()
		require.True(t, g.Asleep())
		require.Equal(t, []uffdCall{{pg(2), FaultAllowRetry | FaultWrite, VMUffdMissing}}, u.calls)
		r.start("C", func(t *sim.Task) {
			require.NoError(w, w.mm.Munmap(t, pg(2), PageSize))
			u.wake(t)
		})
		r.settle()
		require.False(t, g.Asleep())
		require.NoError(t, err)
		require.Equal(t, pg(0), at)
	}
}

// An mremap that fails populates nothing.
func TestMremapPopulatesNothing(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 2, protRW, private|MapLocked)
	w.mmap(2, 4, ProtNone, private)
	_, err := w.mm.Mremap(w.t, pg(0), 2*PageSize, 4*PageSize, 0, 0)
	require.Equal(t, errno.ENOMEM, err)
	require.Equal(t, "pp..", w.pages(4))
}
