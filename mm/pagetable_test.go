package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// CheckFrames finds every inconsistency that it can report.
func TestCheckFrames(t *testing.T) {
	w := newWorld(t)
	w.mapped(2, protRW, nil)
	w.store(0, 1)
	w.load(1)
	require.NoError(t, CheckFrames(w.mm))
	f := w.mm.pteTable(w.t, base).Frame(pgtable.PTE.Index(base))
	f.Get(w.t)
	require.ErrorContains(t, CheckFrames(w.mm), "2 references and 1 holders")
	f.Put(w.t)
	leaked := w.memory.AllocZeroed(w.memory.Counter(0))
	require.ErrorContains(t, CheckFrames(w.mm), "2 frames in use, 1 with a holder")
	leaked.Put(w.t)
	child, err := w.mm.Fork(w.t)
	require.NoError(t, err)
	require.ErrorContains(t, CheckFrames(w.mm), "2 references and 1 holders")
	require.NoError(t, CheckFrames(w.mm, child))
	w.memory.Zero().Get(w.t)
	require.ErrorContains(t, CheckFrames(w.mm, child), "zero page has 2 references")
}

// checkPageTable finds entries that contradict the VMAs; package pgtable tests the checks
// that need no VMA.
func TestCheckPageTable(t *testing.T) {
	for _, c := range []struct {
		want  string
		spoil func(w *world, f *page.Frame)
	}{
		{"covers nothing that is mapped", func(w *world, _ *page.Frame) { w.mm.pteAlloc(w.t, w.mm.pmdAlloc(w.t, 1<<40), 1<<40) }},
		{"in no VMA", func(w *world, _ *page.Frame) { w.mm.resize(w.t, w.at(0), pg(1), pg(4)) }},
		{"more rights", func(w *world, _ *page.Frame) { w.at(0).Flags &^= VMWrite }},
		{"shared by 2 in private memory", func(w *world, f *page.Frame) { f.Get(w.t) }},
	} {
		t.Run(c.want, func(t *testing.T) {
			w := newWorld(t)
			w.mapped(4, protRW, nil)
			w.store(0, 1)
			w.load(1)
			require.NoError(t, w.mm.checkPageTable())
			c.spoil(w, w.mm.pteTable(sim.Observer(), base).Frame(pgtable.PTE.Index(base)))
			require.ErrorContains(t, w.mm.checkPageTable(), c.want)
		})
	}
}
