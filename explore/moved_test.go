package explore

import (
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
)

// A task's local variables are part of the state: here, an entry that mremap has cleared
// in one page table and not yet set in another.
func TestStatesTellWhatIsMoved(t *testing.T) {
	follow(t, &Setup{Name: "move", Prepare: func(w *World, t *machine.Task) error {
		return copyPages(t, w.Fd, page(1), 1) // the anon_vma is there
	}, Tasks: func(w *World) {
		w.copier()
		w.Go("zero", func(t *machine.Task) string { _ = zeroPages(t, w.Fd, page(0), 1); return "" })
		w.Go("mover", func(t *machine.Task) string {
			const flags = mm.MremapMayMove | mm.MremapFixed
			_, _ = t.Mremap(page(0), mm.PageSize, mm.PageSize, flags, Plain+mm.PageSize)
			return touch(t, Plain+mm.PageSize)
		})
	}}, Options{Version: "4.3"})
}
