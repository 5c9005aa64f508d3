package explore

import (
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// ending are the programs in which a registration, a mapping, a task or the whole context
// ends during a fault.
var ending = []*Setup{
	{
		Name:     "close",
		Doc:      "faulters, a reader that copies, and a closer",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.reader(w.Faulters)
			w.closer()
		},
		Check: onlyBus(refusesReleased, "A", "zero"),
	},
	{
		Name:     "close-only",
		Doc:      "faulters and a closer",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.closer()
		},
		Check: onlyBus(refusesReleased, "zero"),
	},
	{
		Name:     "poll-close",
		Doc:      "a faulter, one that polls, and a closer",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("poller", func(t *machine.Task) string {
				w.nonblock(t)
				_, _ = t.Poll([]vfs.PollFd{{Fd: w.Fd, Events: vfs.PollIn}}, true)
				return ""
			})
			w.closer()
		},
		Check: onlyBus(refusesReleased, "zero"),
	},
	{
		Name:     "unregister",
		Doc:      "faulters on one page, one that unregisters, and then wakes",
		Faulters: 2,
		Symmetry: SamePage,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(0) })
			w.Go("waker", func(t *machine.Task) string {
				_ = t.UffdWake(w.Fd, pagesAt(page(0), 1))
				return ""
			})
			w.Go("unregister", func(t *machine.Task) string {
				_ = t.UffdUnregister(w.Fd, pagesAt(page(0), 1))
				_ = t.UffdWake(w.Fd, pagesAt(page(0), 1))
				return ""
			})
		},
		Check: onlyBus(triesOnce, "zero"),
	},
	{
		Name:     "kill-close",
		Doc:      "a faulter that is killed, and a closer",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.killer(sim.SignalFatal)
			w.closer()
		},
		Check: onlyBus(refusesReleased, "zero", "killed"),
	},
	{
		Name:     "kill-read",
		Doc:      "a faulter that is killed, and a reader that copies",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.killer(sim.SignalFatal)
			w.reader(2)
		},
		Check: func(w *World) error { return nil },
	},
	{
		Name:     "kill-wake",
		Doc:      "a faulter that is killed, and a waker",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.killer(sim.SignalFatal)
			w.copier()
		},
		Check: only("A", "killed"),
	},
	{
		Name:     "signal",
		Doc:      "a faulter that gets a signal, and a copier",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.killer(sim.SignalOrdinary)
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "kill",
		Doc:      "a faulter whose page never comes, and a killer",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.killer(sim.SignalFatal)
		},
		Check: only("killed"),
	},
	{
		Name:     "unmap",
		Doc:      "a faulter, and one that unmaps the page tables' other user and the page, and wakes",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("unmapper", func(t *machine.Task) string {
				_ = t.Munmap(Arena, Plain+arenaPages*mm.PageSize-Arena)
				_ = t.UffdWake(w.Fd, pagesAt(page(0), 1))
				return ""
			})
		},
		Check: only("SIGSEGV"),
	},
	{
		Name:     "exit",
		Doc:      "the process drops its memory, and a holder of the descriptor registers",
		Faulters: 0,
		Tasks: func(w *World) {
			w.Go("exit", func(t *machine.Task) string { w.Process.MM.Put(t.Task); return "" })
			w.Go("holder", func(t *machine.Task) string { _ = register(t, w.Fd, Arena, 1); return "" })
		},
	},
}
