package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
)

// changing are programs that map and unmap pages and page tables. The setups of the
// package have few of these.
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

// Fingerprints determine the rest of the run in such programs, too.
func TestStatesOfChangingMemoryDetermineWhatFollows(t *testing.T) {
	for _, setup := range changing {
		for _, tso := range []bool{false, true} {
			followFor(t, setup, Options{TSO: tso}, 1000)
		}
	}
}

// The memory of an abandoned run does not affect the next run.
func TestRunsBeginWithCleanTables(t *testing.T) {
	for _, setup := range changing {
		r, err := Search(setup, Options{Workers: 1})
		require.NoError(t, err)
		require.Nil(t, r.Failure)
		require.True(t, r.Covered)
	}
}
