package explore

import (
	"fmt"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
)

// callers are programs in which the kernel faults, or user mode in an access to two
// pages.
func callers() []*Setup {
	unlocked := func(w *World) {
		w.Go("gup", func(t *machine.Task) string {
			n, err := w.Process.MM.GetUserPagesUnlocked(t.Task, page(0), 2, true)
			return fmt.Sprint(n, name(err))
		})
	}
	waker := func(w *World) {
		w.Go("waker", func(t *machine.Task) string {
			_ = t.UffdWake(w.Fd, pagesAt(page(0), 1))
			_ = copyPages(t, w.Fd, page(0), 2)
			_ = t.UffdWake(w.Fd, pagesAt(page(0), 2))
			return ""
		})
	}
	return []*Setup{
		{Name: "get-user-pages", Tasks: func(w *World) { unlocked(w); waker(w) }},
		{Name: "get-user-pages-close", Tasks: func(w *World) { unlocked(w); w.closer() }},
		{Name: "populate", Tasks: func(w *World) {
			w.Go("populate", func(t *machine.Task) string { w.Process.MM.Populate(t.Task, page(0), page(2)); return "" })
			waker(w)
		}},
		{Name: "kernel", Tasks: func(w *World) {
			w.Go("kernel", func(t *machine.Task) string {
				var b [1]byte
				return name(t.CopyFromUser(b[:], page(0))) + string(b[:])
			})
			waker(w)
		}},
		{Name: "store-across", Faulters: 1, Tasks: func(w *World) {
			w.Go("t1", func(t *machine.Task) string {
				o, _ := t.Store(page(1)-1, []byte("xy"))
				return o.String() + touch(t, page(0))
			})
			waker(w)
		}},
	}
}

// For the other callers of a fault, too, a fingerprint determines the rest of the run,
// and the search finds every outcome that random runs find.
func TestOtherCallersOfAFault(t *testing.T) {
	for _, version := range []string{DefaultVersion, "4.3", "4.14", "6.18"} {
		for _, s := range callers() {
			t.Run(s.Name+" "+version, func(t *testing.T) {
				t.Parallel()
				follow(t, s, Options{Version: version})
				compare(t, s, Options{Version: version})
			})
		}
	}
}
