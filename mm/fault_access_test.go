package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// An access to several pages raises one fault for each. It stops at the first address
// that fails; the bytes before it are stored.
func TestAccessAcrossPages(t *testing.T) {
	w := newWorld(t)
	w.mapped(3, protRW, nil)
	require.NoError(t, w.mm.Munmap(w.t, pg(2), PageSize))
	outcome, _ := w.mm.Store(w.t, pg(0)+4000, ptBytes(1, 'a'))
	require.Equal(t, Done, outcome)
	require.EqualValues(t, 2, Current(w.t).MinFlt)
	buf := make([]byte, PageSize)
	outcome, _ = w.mm.Load(w.t, pg(0)+4000, buf)
	require.Equal(t, Done, outcome)
	require.Equal(t, ptBytes(1, 'a'), buf)

	outcome, addr := w.mm.Store(w.t, pg(1)+4090, ptBytes(1, 'b'))
	require.Equal(t, SegFault, outcome)
	require.Equal(t, pg(2), addr)
	require.Equal(t, byte('b'), w.loadAt(pg(2)-1), "stored before the fault")
	outcome, addr = w.mm.Load(w.t, pg(1)+4090, buf)
	require.Equal(t, SegFault, outcome)
	require.Equal(t, pg(2), addr)
	require.Equal(t, "bbbbbba", string(buf[:7]))
	w.frames()
}

// An access of 0 bytes succeeds at any address.
func TestAccessOfNothing(t *testing.T) {
	w := newWorld(t)
	outcome, addr := w.mm.Load(w.t, 0x1234, nil)
	require.Equal(t, Done, outcome)
	require.EqualValues(t, 0x1234, addr)
}

// The processor allows the accesses that the page-table entry allows.
func TestTranslateRights(t *testing.T) {
	for _, c := range []struct {
		prot        Prot
		read, write bool
	}{{protRW, true, true}, {ProtRead, true, false}, {ProtNone, false, false}} {
		w := newWorld(t)
		w.mapped(1, protRW, nil)
		w.store(0, 1)
		require.NoError(t, w.mm.Mprotect(w.t, pg(0), PageSize, c.prot))
		var b [1]byte
		require.Equal(t, c.read, w.mm.translate(w.t, pg(0), b[:], false))
		require.Equal(t, c.write, w.mm.translate(w.t, pg(0), b[:], true))
		require.False(t, w.mm.translate(w.t, TaskSize, b[:], false))
		// An address with bits above the four levels is not an alias.
		require.False(t, w.mm.translate(w.t, pg(0)|1<<48, b[:], false))
		w.frames()
	}
}

// An access that faults is repeated from the first address that it has not accessed. The
// store overwrites the page that resolved the fault.
func TestAccessAfterUserfault(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(2, protRW, u)
	outcome, _ := w.mm.Store(w.t, pg(1)-2, []byte("1234"))
	require.Equal(t, Done, outcome)
	require.Len(t, u.calls, 2)
	require.Equal(t, pg(1)-2, u.calls[0].addr)
	require.Equal(t, pg(1), u.calls[1].addr)
	var buf [6]byte
	w.mm.Load(w.t, pg(1)-3, buf[:])
	require.Equal(t, "x1234x", string(buf[:]))
	w.frames()
}

// A signal with a handler is taken on the way back to user mode.
func TestAccessHandlesSignals(t *testing.T) {
	w := newWorld(t)
	u := w.filler('x')
	w.mapped(1, protRW, u)
	w.t.Interrupt(sim.SignalOrdinary)
	require.Equal(t, byte('x'), w.load(0))
	require.False(t, w.t.SignalPending())
}

// An access is one visible step on the lowest page-table entry found, so that the
// explorer sees which accesses and page-table stores conflict.
func TestAccessIsOneStep(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	w.store(0, 1)
	for _, write := range []bool{true, false} {
		var steps []sim.Step
		r := w.controlled(watch(func(s sim.Step) { steps = append(steps, s) }))
		r.start("A", func(t *sim.Task) { w.mm.translate(t, pg(0), make([]byte, 1), write) })
		r.settle()
		op := map[bool]sim.Op{true: sim.OpAccessWrite, false: sim.OpAccess}[write]
		require.Equal(t, []sim.Step{{Op: sim.OpStart}, {Op: op, Obj: w.entryObject(w.mm.pteTable(sim.Observer(), base), base)}}, steps)
	}
}

// Loads and stores take no kernel lock. They run in parallel with everything that changes
// the page table, without a data race, and must not follow a table that was freed during
// the walk.
func TestAccessInParallel(t *testing.T) {
	w := newWorld(t)
	w.mm.THP = THPAlways
	w.mapped(4, protRW, nil)
	exec := &sim.Free{}
	free := func(name string, fn func(t *sim.Task, i int)) {
		exec.Go(name, &Thread{MM: w.mm}, func(t *sim.Task) {
			for i := range 2000 {
				fn(t, i)
			}
		})
	}
	for _, name := range []string{"A", "B"} {
		free(name, func(t *sim.Task, i int) {
			var b [16]byte
			addr := pg(i%4) - 8
			w.mm.Store(t, addr, b[:])
			w.mm.Load(t, addr, b[:])
			w.mm.Store(t, hugeBase+uint64(i%8)*PageSize, b[:])
		})
	}
	free("zap", func(t *sim.Task, i int) {
		w.mm.Madvise(t, pg(i%4), PageSize, MadvDontNeed)
		w.mm.Madvise(t, hugeBase, uint64(1+i%2*511)*PageSize, MadvDontNeed)
	})
	free("unmap", func(t *sim.Task, i int) {
		// The only mappings in their tables, so the tables are freed and allocated, too.
		w.mm.Munmap(t, pg(0), 4*PageSize)
		w.mm.Mmap(t, pg(0), 4*PageSize, protRW, fixed, nil, 0)
		w.mm.Munmap(t, hugeBase, PMDSize)
		w.mm.Mmap(t, hugeBase, PMDSize, protRW, fixed, nil, 0)
	})
	free("fork", func(t *sim.Task, i int) {
		if i%64 == 0 {
			child, err := w.mm.Fork(t)
			if err == nil {
				child.Put(t)
			}
		}
	})
	exec.Wait()
	w.frames()
}

// Two address spaces store to one page through different page tables, without a data
// race.
func TestAccessSharedInParallel(t *testing.T) {
	w := newWorld(t)
	w.mmap(0, 1, protRW, shared)
	w.store(0, 1)
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	exec := &sim.Free{}
	for _, mm := range []*MM{w.mm, child} {
		exec.Go("A", &Thread{MM: mm}, func(t *sim.Task) {
			var b [8]byte
			for range 500 {
				mm.Store(t, pg(0), b[:])
				mm.Load(t, pg(0), b[:])
			}
		})
	}
	exec.Wait()
	child.Put(w.t)
	w.frames()
}

// An access that raises SIGSEGV or SIGBUS still takes other signals on its way to user
// mode: a fatal signal takes precedence, and an ordinary one is handled.
func TestSignalsOfAnAccessThatFails(t *testing.T) {
	for _, outcome := range []Outcome{SegFault, BusError, OutOfMemory} {
		for _, sig := range []sim.Signal{sim.SignalFatal, sim.SignalOrdinary} {
			w := newWorld(t)
			u := &fakeUffd{answer: VMFaultSIGBUS}
			w.mapped(1, protRW, u)
			addr := pg(0)
			switch outcome {
			case SegFault:
				addr = pg(1)
			case OutOfMemory:
				u.answer = VMFaultOOM
			}
			w.t.Interrupt(sig)
			got, at := w.mm.Load(w.t, addr, make([]byte, 1))
			require.Equal(t, addr, at)
			if sig == sim.SignalFatal {
				require.Equal(t, Killed, got)
			} else {
				require.Equal(t, outcome, got)
				require.False(t, w.t.SignalPending())
			}
		}
	}
}
