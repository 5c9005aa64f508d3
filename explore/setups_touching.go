package explore

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// touching are the programs in which a task accesses memory in other ways than by a load,
// or several tasks fill or change it.
var touching = []*Setup{
	{
		Name: "nowait",
		Doc:  "one that looks for a page and must not wait for it, and a reader",
		Tasks: func(w *World) {
			w.gup((*mm.MM).GetUserPageNowait)
			w.Go("reader", func(t *machine.Task) string {
				w.nonblock(t)
				_, err := readOne(t, w.Fd)
				return name(err)
			})
		},
		Check: outcomes("EBUSY", "EAGAIN"),
	},
	{
		Name: "gup",
		Doc:  "one that looks for a page with mmap_lock held, one that maps memory, and a copier",
		Tasks: func(w *World) {
			w.gup((*mm.MM).GetUserPage)
			w.mapper()
			w.copier()
		},
	},
	{
		Name: "fork",
		Doc:  "the child of a fork that touches the page, and a copier in the parent",
		Prepare: func(w *World, t *machine.Task) (err error) {
			w.Child, err = t.Fork()
			return err
		},
		Tasks: func(w *World) {
			w.GoIn(w.Child, "child", func(t *machine.Task) string { return touch(t, page(0)) })
			w.copier()
		},
		Check: outcomes("zero"),
	},
	{
		Name: "remap",
		Doc:  "a copier whose source has to be faulted in, and one that maps other memory over the target",
		Tasks: func(w *World) {
			w.Go("mapper", func(t *machine.Task) string {
				const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
				_, _ = t.Mmap(page(0), mm.PageSize, mm.ProtRead|mm.ProtWrite, flags, -1, 0)
				return touch(t, page(0))
			})
			w.Go("copier", func(t *machine.Task) string {
				// The source begins at the second byte, so that it extends into a missing
				// page.
				_ = t.UffdCopy(w.Fd, &abi.Copy{Dst: page(0), Src: Plain + 1, Len: mm.PageSize})
				return ""
			})
		},
		Check: outcomes("zero"),
	},
	{
		Name: "overwrite",
		Doc:  "one that stores to a page and loads from it again, and two copiers",
		Tasks: func(w *World) {
			w.Go("writer", func(t *machine.Task) string {
				if outcome, _ := t.Store(page(0), []byte{'w'}); outcome != mm.Done {
					return outcome.String()
				}
				return touch(t, page(0))
			})
			w.copier()
			w.Go("second", func(t *machine.Task) string { _ = copyPages(t, w.Fd, page(0), 1); return "" })
		},
		Check: outcomes("w"),
	},
	{
		Name: "odd-ranges",
		Doc:  "one that wakes ranges that are wrong in one way and in two",
		Tasks: func(w *World) {
			w.Go("waker", func(t *machine.Task) string {
				var answers []string
				for _, r := range []abi.Range{
					{Start: page(0), Len: mm.PageSize},
					{Start: page(0) + 1, Len: mm.PageSize}, {Start: page(0), Len: 1}, {Start: page(0)},
					{Start: 0, Len: mm.PageSize}, {Start: mm.TaskSize, Len: mm.PageSize}, {Start: page(0), Len: mm.TaskSize},
					{Start: 1, Len: mm.PageSize}, {Start: mm.TaskSize, Len: 1}, {Start: mm.TaskSize + 1, Len: 0},
				} {
					answers = append(answers, name(t.UffdWake(w.Fd, r)))
				}
				return strings.Join(answers, ",")
			})
		},
	},
}

// gup adds a task that calls get_user_pages for the first page with mmap_lock held.
func (w *World) gup(look func(space *mm.MM, t *sim.Task, addr uint64, write bool) error) {
	w.Go("gup", func(t *machine.Task) string {
		lock := &w.Process.MM.MmapLock
		lock.DownRead(t.Task)
		err := look(w.Process.MM, t.Task, page(0), false)
		lock.UpRead(t.Task)
		return name(err)
	})
}

// outcomes returns a check that the first tasks got these outcomes.
func outcomes(want ...string) func(w *World) error {
	return func(w *World) error {
		for i, o := range want {
			if t := w.tasks[i]; t.Outcome != o {
				return fmt.Errorf("%s: %s got %q, not %q", rule.WrongData, t.Name, t.Outcome, o)
			}
		}
		return nil
	}
}

// name returns the name of an errno, "ok" for nil.
func name(err error) string {
	if no, failed := err.(errno.Errno); failed {
		return no.Name()
	}
	return "ok"
}
