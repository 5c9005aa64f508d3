package mm

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// populateEras sets the facts of the two implementations of MADV_POPULATE, by the version
// that introduced them.
var populateEras = map[string]func(e *Facts){
	"5.14": func(e *Facts) { e.Populate = PopulatePassesHoles },
	"6.10": func(e *Facts) { e.Populate = PopulateStopsAtHole },
}

func TestMadvisePopulate(t *testing.T) {
	for era, set := range populateEras {
		for _, c := range []struct {
			name   string
			prot   Prot
			flags  MapFlags
			advice Advice
			want   error
			after  string
		}{
			{"read", protRW, private, MadvPopulateRead, nil, ".zz."},
			{"write", protRW, private, MadvPopulateWrite, nil, ".pp."},
			{"read, read-only", ProtRead, private, MadvPopulateRead, nil, ".zz."},
			{"write, read-only", ProtRead, private, MadvPopulateWrite, errno.EINVAL, "...."},
			{"read, write-only", ProtWrite, private, MadvPopulateRead, errno.EINVAL, "...."},
			{"write, write-only", ProtWrite, private, MadvPopulateWrite, nil, ".pp."},
			{"read, inaccessible", ProtNone, private, MadvPopulateRead, errno.EINVAL, "...."},
			{"write, inaccessible", ProtNone, private, MadvPopulateWrite, errno.EINVAL, "...."},
			{"write, shared", protRW, shared, MadvPopulateWrite, nil, ".pp."},
		} {
			t.Run(c.name+" "+era, func(t *testing.T) {
				w := newWorld(t)
				set(&w.mm.Facts)
				w.mmap(0, 4, c.prot, c.flags)
				err := w.mm.Madvise(w.t, pg(1), 2*PageSize, c.advice)
				require.Equal(t, c.want, err)
				w.check()
				require.Equal(t, c.after, w.pages(4))
				w.frames()
			})
		}
	}
}

// Before 5.14 the advice is unknown.
func TestMadvisePopulateUnknown(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 4, protRW, private)
	for _, advice := range []Advice{MadvPopulateRead, MadvPopulateWrite} {
		require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0), PageSize, advice))
		require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0), 0, advice))
	}
	require.Equal(t, "....", w.pages(4))
}

// Special memory is EINVAL, and so are arguments that are invalid for every advice.
func TestMadvisePopulateErrors(t *testing.T) {
	for era, set := range populateEras {
		for _, flag := range []VMFlags{VMIO, VMPFNMap} {
			w := newWorld(t)
			set(&w.mm.Facts)
			w.lay("PPPP")['P'].Flags |= flag
			require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0), PageSize, MadvPopulateRead), era)
		}
		w := newWorld(t)
		set(&w.mm.Facts)
		w.lay("PPPP")
		require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0)+1, PageSize, MadvPopulateRead))
		require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0), math.MaxUint64-2*PageSize, MadvPopulateRead))
		require.NoError(t, w.mm.Madvise(w.t, pg(20), 0, MadvPopulateRead))
		w.failAt("alloc_page", 1)
		require.Equal(t, errno.ENOMEM, w.mm.Madvise(w.t, pg(0), PageSize, MadvPopulateWrite))
	}
}

// A hole is ENOMEM. Since 6.10 the call stops there; before, it first populated the rest
// of the range.
func TestMadvisePopulateHoles(t *testing.T) {
	for _, c := range []struct{ era, span, after string }{
		{"5.14", "AAAAAAAA", "zzzz..zz"}, {"6.10", "AAAAAAAA", "zzzz...."},
		{"5.14", "    AAAA", "......zz"}, {"6.10", "    AAAA", "........"},
		{"5.14", "      AAAA", "......zz"}, {"6.10", "      AAAA", "......zz"},
	} {
		w := newWorld(t)
		populateEras[c.era](&w.mm.Facts)
		w.mmap(0, 2, protRW, private)
		w.mmap(2, 4, ProtRead, private)
		w.mmap(6, 8, protRW, private)
		start, end := span(c.span)
		require.Equal(t, errno.ENOMEM, w.mm.Madvise(w.t, start, end-start, MadvPopulateRead), "%s %s", c.era, c.span)
		require.Equal(t, c.after, w.pages(8), "%s %s", c.era, c.span)
	}
}

// An error in a later VMA does not undo the population of the VMAs before it.
func TestMadvisePopulateStops(t *testing.T) {
	for era, set := range populateEras {
		w := newWorld(t)
		set(&w.mm.Facts)
		w.mmap(0, 2, protRW, private)
		w.mmap(2, 4, ProtRead, private)
		w.mmap(4, 6, protRW, private)
		require.Equal(t, errno.EINVAL, w.mm.Madvise(w.t, pg(0), 6*PageSize, MadvPopulateWrite), era)
		require.Equal(t, "pp....", w.pages(6))
	}
}

// The call sleeps in a userfault any number of times. A fault that ends with SIGBUS is
// EFAULT.
func TestMadvisePopulateUserfault(t *testing.T) {
	for era, set := range populateEras {
		w := newWorld(t)
		set(&w.mm.Facts)
		u := &fakeUffd{}
		u.during = func(task *sim.Task, addr uint64) {
			if addr != pg(1) || len(u.calls) == 4 {
				_, err := w.copyPage(task, addr, 'x')
				require.NoError(t, err)
			}
		}
		w.mapped(3, protRW, u)
		require.NoError(t, w.mm.Madvise(w.t, pg(0), 3*PageSize, MadvPopulateRead), era)
		var addrs []uint64
		for _, call := range u.calls {
			addrs = append(addrs, call.addr)
			require.Equal(t, FaultAllowRetry, call.flags)
		}
		require.Equal(t, []uint64{pg(0), pg(1), pg(1), pg(1), pg(2)}, addrs)
		w.frames()

		w = newWorld(t)
		set(&w.mm.Facts)
		w.mapped(3, protRW, &fakeUffd{answer: VMFaultSIGBUS})
		require.Equal(t, errno.EFAULT, w.mm.Madvise(w.t, pg(0), 3*PageSize, MadvPopulateWrite), era)
		w.frames()
	}
}

// After a sleep, the call sees changes of the mapping.
func TestMadvisePopulateUnmapped(t *testing.T) {
	for era, set := range populateEras {
		for _, c := range []struct {
			name string
			do   func(w *world, task *sim.Task)
			want error
		}{
			{"unmapped", func(w *world, task *sim.Task) { require.NoError(w, w.mm.Munmap(task, pg(0), PageSize)) }, errno.ENOMEM},
			{"protected", func(w *world, task *sim.Task) {
				require.NoError(w, w.mm.Mprotect(task, pg(0), PageSize, ProtNone))
			}, errno.EINVAL},
			{"killed", func(_ *world, task *sim.Task) { task.Interrupt(sim.SignalFatal) }, errno.EINTR},
		} {
			t.Run(c.name+" "+era, func(t *testing.T) {
				w := newWorld(t)
				set(&w.mm.Facts)
				u := &fakeUffd{}
				u.during = func(task *sim.Task, _ uint64) { c.do(w, task) }
				w.mapped(2, protRW, u)
				require.Equal(t, c.want, w.mm.Madvise(w.t, pg(0), 2*PageSize, MadvPopulateRead))
				require.Len(t, u.calls, 1)
				w.frames()
			})
		}
	}
}

// MM.Populate skips special memory and continues after it.
func TestPopulateSpecial(t *testing.T) {
	for _, flag := range []VMFlags{VMIO, VMPFNMap} {
		w := newWorld(t)
		w.lay("PPQQ")['P'].Flags |= flag
		w.mm.Populate(w.t, pg(0), pg(4))
		require.Equal(t, "..pp", w.pages(4))
	}
}
