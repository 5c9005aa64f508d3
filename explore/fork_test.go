package explore

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// forked are programs with pages that several page tables map: the set-up forks, or maps
// shared memory. The page at Plain is private, and both processes map it until one writes
// to it: copy-on-write.
var forked = []*Setup{
	{
		Name:    "take-over",
		Doc:     "one that stores to a page shared by fork, and the child, which unmaps it",
		Prepare: fork,
		Tasks: func(w *World) {
			w.Go("parent", func(t *machine.Task) string { return storeShared(t, Plain) })
			w.GoIn(w.Child, "child", func(t *machine.Task) string { return name(t.Munmap(Plain, mm.PageSize)) })
		},
	},
	{
		Name:    "both-store",
		Doc:     "parent and child, which store to a page shared by fork",
		Prepare: fork,
		Tasks: func(w *World) {
			w.Go("parent", func(t *machine.Task) string { return storeShared(t, Plain) })
			w.GoIn(w.Child, "child", func(t *machine.Task) string { return storeShared(t, Plain) })
		},
	},
	{
		Name: "huge-take-over",
		Doc:  "one that stores to a huge page shared by fork, and the child, which unmaps it",
		Prepare: func(w *World, t *machine.Task) error {
			return errors.Join(mapMore(t, mm.PMDSize, mm.MapPrivate), t.Madvise(more, mm.PMDSize, mm.MadvHugePage),
				stored(t, more), fork(w, t))
		},
		Tasks: func(w *World) {
			w.Go("parent", func(t *machine.Task) string { return storeShared(t, more) })
			w.GoIn(w.Child, "child", func(t *machine.Task) string { return name(t.Munmap(more, mm.PMDSize)) })
		},
	},
	{
		Name: "shared-memory",
		Doc:  "parent and child, each of which stores to a page of shared memory and loads from another",
		Prepare: func(w *World, t *machine.Task) error {
			return errors.Join(mapMore(t, 2*mm.PageSize, mm.MapShared), stored(t, more), stored(t, more+mm.PageSize), fork(w, t))
		},
		Tasks: func(w *World) {
			storeAndLoad := func(there, here uint64) func(t *machine.Task) string {
				return func(t *machine.Task) string {
					t.Store(there, []byte{'w'})
					return touch(t, here)
				}
			}
			w.Go("parent", storeAndLoad(more, more+mm.PageSize))
			w.GoIn(w.Child, "child", storeAndLoad(more+mm.PageSize, more))
		},
	},
	{
		Name: "shared-memory-unmapped",
		Doc:  "one that loads from shared memory, and one that stores to it and unmaps it",
		Prepare: func(w *World, t *machine.Task) error {
			return errors.Join(mapMore(t, mm.PageSize, mm.MapShared), stored(t, more))
		},
		Tasks: func(w *World) {
			w.Go("load", func(t *machine.Task) string { return touch(t, more) })
			w.Go("unmap", func(t *machine.Task) string {
				t.Store(more, []byte{'w'})
				return name(t.Munmap(more, mm.PageSize))
			})
		},
	},
}

// more is an address at which the set-up of some forked programs maps memory.
const more = 0x40000000

func mapMore(t *machine.Task, length uint64, kind mm.MapFlags) error {
	_, err := t.Mmap(more, length, mm.ProtRead|mm.ProtWrite, kind|mm.MapAnonymous|mm.MapFixed, -1, 0)
	return err
}

// stored stores to an address, to make its page present.
func stored(t *machine.Task, addr uint64) error {
	if outcome, _ := t.Store(addr, []byte{'p'}); outcome != mm.Done {
		return errors.New(outcome.String())
	}
	return nil
}

func fork(w *World, t *machine.Task) (err error) {
	w.Child, err = t.Fork()
	return err
}

// storeShared stores to a page, and returns whether that replaced the page by a copy.
func storeShared(t *machine.Task, addr uint64) string {
	space := t.Process.MM
	before := pfn(space, addr)
	t.Store(addr, []byte{'w'})
	if pfn(space, addr) == before {
		return "taken over"
	}
	return "copied"
}

// pfn returns the number of the page that is mapped at an address, without a step.
func pfn(space *mm.MM, addr uint64) uint64 {
	walk := space.PageWalk(addr)
	return walk[len(walk)-1].Entry.PFN()
}

// A write to a page that the other process no longer maps takes the page over, instead of
// copying it. The search finds both outcomes, and the same final states as a search that
// explores every task in every state.
func TestPagesOfForkedProcesses(t *testing.T) {
	everything := &Bound{Switches: AnyNumber, Preemptions: 1 << 15}
	for _, tc := range []struct {
		setup    *Setup
		outcomes []string
	}{
		{forked[2], []string{"parent=copied child=ok", "parent=taken over child=ok"}},
		{forked[3], []string{"parent=w child=p", "parent=p child=w", "parent=w child=w"}},
		{forked[4], []string{"load=p unmap=ok", "load=w unmap=ok", "load=SIGSEGV unmap=ok"}},
		{forked[0], []string{"parent=copied child=ok", "parent=taken over child=ok"}},
		{forked[1], []string{"parent=copied child=copied", "parent=copied child=taken over", "parent=taken over child=copied"}},
	} {
		t.Run(tc.setup.Name, func(t *testing.T) {
			all, reduced := Options{Bound: everything, finalStates: map[uint64]bool{}}, Options{finalStates: map[uint64]bool{}}
			for _, opts := range []Options{all, reduced} {
				r, err := Search(tc.setup, opts)
				require.NoError(t, err)
				require.Nil(t, r.Failure)
				require.True(t, r.Covered)
				require.ElementsMatch(t, tc.outcomes, slices.Collect(maps.Keys(r.Outcomes)))
			}
			require.Equal(t, all.finalStates, reduced.finalStates)
		})
	}
}

// The same in every interleaving of the steps that decide it, without any reduction.
func TestSharedPageInEveryInterleaving(t *testing.T) {
	setup := &Setup{Name: "shared", Prepare: fork, Tasks: func(w *World) {
		table := func(p *machine.Process) (*pgtable.Table, int) {
			return p.MM.PGD().PTETable(sim.Observer(), Plain), pgtable.PTE.Index(Plain)
		}
		w.Go("parent", func(t *machine.Task) string {
			pte, i := table(t.Process)
			pte.Lock(t.Task)
			defer pte.Unlock(t.Task)
			return fmt.Sprint(pte.Frame(i).Shared(t.Task))
		})
		w.GoIn(w.Child, "child", func(t *machine.Task) string {
			pte, i := table(t.Process)
			pte.Lock(t.Task)
			pte.Unmap(t.Task, i)
			pte.Unlock(t.Task)
			return ""
		})
	}}
	for _, plain := range []bool{true, false} {
		r, err := Search(setup, Options{Plain: plain})
		require.NoError(t, err)
		require.True(t, r.Covered)
		require.ElementsMatch(t, []string{"parent=false", "parent=true"}, slices.Collect(maps.Keys(r.Outcomes)))
	}
}
