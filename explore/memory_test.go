package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
)

// Programs in which pages and page tables come and go, which those of the catalogue have little of.
var changing = []*Setup{
	{Name: "advise", Tasks: func(w *World) {
		w.Go("writer", func(t *machine.Task) string {
			outcome, _ := t.Store(page(0), []byte{'w'})
			return outcome.String() + touch(t, page(0))
		}).Sleeper = true
		w.Go("adviser", func(t *machine.Task) string { return name(t.Madvise(page(0), mm.PageSize, mm.MadvDontNeed)) })
		w.copier()
	}},
	{Name: "protect", Tasks: func(w *World) {
		const at = Plain + mm.PageSize
		w.Go("writer", func(t *machine.Task) string { _, _ = t.Store(at, []byte{'w'}); return touch(t, at) })
		w.Go("reader", func(t *machine.Task) string { return touch(t, at) })
		w.Go("protector", func(t *machine.Task) string { return name(t.Mprotect(Plain, 2*mm.PageSize, mm.ProtRead)) })
	}},
	{Name: "tables", Tasks: func(w *World) {
		const at = Arena + 3*mm.PMDSize
		w.Go("mapper", func(t *machine.Task) string {
			const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
			_, err := t.Mmap(at, mm.PageSize, mm.ProtRead|mm.ProtWrite, flags, -1, 0)
			_, _ = t.Store(at, []byte{'a'})
			return name(err)
		})
		w.Go("reader", func(t *machine.Task) string { return touch(t, at) })
		w.Go("unmapper", func(t *machine.Task) string { return touch(t, at) + name(t.Munmap(at, mm.PageSize)) })
	}},
}

// The states of such programs determine what follows, too.
func TestStatesOfChangingMemoryDetermineWhatFollows(t *testing.T) {
	for _, setup := range changing {
		for _, tso := range []bool{false, true} {
			followFor(t, setup, Options{TSO: tso}, 1000)
		}
	}
}

// What an abandoned run leaves in memory is no part of the next one.
func TestRunsBeginWithCleanTables(t *testing.T) {
	for _, setup := range changing {
		r, err := Search(setup, Options{Workers: 1})
		require.NoError(t, err)
		require.Nil(t, r.Failure)
		require.True(t, r.Covered)
	}
}
