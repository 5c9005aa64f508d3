package explore

import (
	"fmt"
	"slices"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

func page(i int) uint64 { return Arena + uint64(i)*mm.PageSize }

// own returns the address of a faulter's own page. It has a page table of its own as
// well, so that the faulters share only their context.
func own(i int) uint64 { return Arena + uint64(i)*mm.PMDSize }

// faulters adds the faulting tasks t1, t2 and so on. Faulter i, from 0 on, loads from
// where(i).
func (w *World) faulters(where func(i int) uint64) {
	for i := range w.Faulters {
		w.Go(faulterName(i), func(t *machine.Task) string { return touch(t, where(i)) })
	}
}

func (w *World) nonblock(t *machine.Task) { _ = t.FcntlSetFlags(w.Fd, abi.ONonblock) }

// only returns a check that every faulter got one of the outcomes.
func only(outcomes ...string) func(w *World) error {
	return func(w *World) error {
		for _, t := range w.tasks[:w.Faulters] {
			found := false
			for _, o := range outcomes {
				found = found || t.Outcome == o
			}
			if !found && t.Outcome == "SIGBUS" {
				return fmt.Errorf("%s: %s", rule.SpuriousBus, t.Name)
			}
			if !found {
				return fmt.Errorf("%s got %q", t.Name, t.Outcome)
			}
		}
		return nil
	}
}

// onlyBus returns a check as only does. It also permits SIGBUS on the versions for which
// has returns true.
func onlyBus(has func(p *kernel.Profile) bool, outcomes ...string) func(w *World) error {
	withBus := append(slices.Clone(outcomes), "SIGBUS")
	return func(w *World) error {
		if has(w.profile) {
			return only(withBus...)(w)
		}
		return only(outcomes...)(w)
	}
}

// refusesReleased reports whether a fault on a context that is being released gets SIGBUS
// (REL-10).
func refusesReleased(p *kernel.Profile) bool { return p.UFFD.Released == uffd.ReleasedSIGBUS }

// triesOnce reports whether a fault that was woken without a page gets SIGBUS (FAULT-13).
func triesOnce(p *kernel.Profile) bool { return p.MM.Retries == mm.RetryOnce }

// Setups returns the programs that can be explored. The slice is the caller's own.
func Setups() []*Setup { return slices.Clone(setups) }

var setups = slices.Concat(serving, ending, touching)

// serving are the programs in which faults are resolved.
var serving = []*Setup{
	{
		Name:     "copy",
		Doc:      "faulters on one page, and a copier that reads no message",
		Faulters: 1,
		Symmetry: SamePage,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(0) })
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "serve",
		Doc:      "faulters on pages of their own, and a blocking reader that copies",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("reader", func(t *machine.Task) string { w.serve(t, w.Faulters); return "" })
		},
		Check: only("A"),
	},
	{
		Name:     "serve-batch",
		Doc:      "as serve, but the reader has room for two messages at a time",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("reader", func(t *machine.Task) string {
				var b [2 * abi.MsgSize]byte
				n, _ := t.ReadBytes(w.Fd, b[:])
				for ; n > 0; n -= abi.MsgSize {
					var msg abi.Msg
					msg.Decode(b[n-abi.MsgSize:])
					_ = copyPages(t, w.Fd, msg.Address, 1)
				}
				return ""
			}).Sleeper = true
		},
		Check: func(w *World) error {
			if w.Faulters == 1 {
				return only("A")(w)
			}
			return nil
		},
	},
	{
		Name:     "poll",
		Doc:      "faulters on pages of their own, and a monitor that polls, reads and copies",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("monitor", func(t *machine.Task) string {
				w.nonblock(t)
				for done := 0; done < w.Faulters; {
					fds := []vfs.PollFd{{Fd: w.Fd, Events: vfs.PollIn}}
					_, _ = t.Poll(fds, true)
					if addr, err := readOne(t, w.Fd); err == nil {
						_ = copyPages(t, w.Fd, addr, 1)
						done++
					}
				}
				return ""
			})
		},
		Check: only("A"),
	},
	{
		Name:     "race",
		Doc:      "faulters on one page, a monitor that reads and copies, and one that copies without reading",
		Faulters: 2,
		Symmetry: SamePage,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(0) })
			w.reader(w.Faulters)
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "pair",
		Doc:      "two faulters on one page, and a copier that reads no message",
		Faulters: 2,
		Symmetry: SamePage,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(0) })
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "two-pages",
		Doc:      "a faulter on the second page, and a copier that fills two at a time",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(1) })
			w.Go("copier", func(t *machine.Task) string { _ = copyPages(t, w.Fd, page(0), 2); return "" })
		},
		Check: only("A"),
	},
	{
		Name:     "neighbour",
		Doc:      "a faulter on the page behind the one that is woken, and later its copier",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(1) })
			w.Go("waker", func(t *machine.Task) string {
				_ = t.UffdWake(w.Fd, pagesAt(page(0), 1))
				_ = copyPages(t, w.Fd, page(1), 1)
				return ""
			})
		},
		Check: only("A"),
	},
	{
		Name:     "wake-nothing",
		Doc:      "a faulter, and one that wakes an empty range and then copies",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(1) })
			w.Go("waker", func(t *machine.Task) string {
				_ = t.UffdWake(w.Fd, pagesAt(page(0), 0))
				_ = copyPages(t, w.Fd, page(1), 1)
				return ""
			})
		},
		Check: only("A"),
	},
	{
		Name:     "partial",
		Doc:      "a faulter on the second page of a copy that gets as far as the first",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(func(int) uint64 { return page(2) })
			w.Go("copier", func(t *machine.Task) string {
				_ = copyPages(t, w.Fd, page(1), 1)
				_ = copyPages(t, w.Fd, page(0), 3) // stops at page 1
				_ = copyPages(t, w.Fd, page(2), 1)
				return ""
			})
		},
		Check: only("A"),
	},
	{
		Name:     "readers",
		Doc:      "faulters, and a reader for each of them that blocks and copies",
		Faulters: 2,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			for i := range w.Faulters {
				w.Go(fmt.Sprintf("r%d", i+1), func(t *machine.Task) string { w.serve(t, 1); return "" })
			}
		},
		Check: only("A"),
	},
	{
		Name:     "mixed",
		Doc:      "a faulter, a reader that blocks, one that makes the file non-blocking, and one that only wakes",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.tasks[0].Sleeper = true // both readers may find nothing and end
			w.reader(w.Faulters)
			w.Go("blocking", func(t *machine.Task) string { w.serve(t, 1); return "" }).Sleeper = true
			w.Go("waker", func(t *machine.Task) string {
				_ = t.UffdWake(w.Fd, pagesAt(own(0), 1))
				return ""
			})
		},
		Check: func(w *World) error {
			faulter, blocking := w.tasks[0], w.tasks[2]
			if faulter.ended {
				return onlyBus(triesOnce, "A")(w)
			}
			if pending, _ := w.Ctx.Queues(); blocking.ended && len(pending) == 1 {
				return nil // no task is left that could read its message
			}
			return fmt.Errorf("%s: %s", rule.LostWakeUp, faulter.Name)
		},
	},
	{
		Name:     "twice",
		Doc:      "a faulter, and a reader that reads twice before it copies",
		Faulters: 1,
		Symmetry: OwnPage,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("reader", func(t *machine.Task) string {
				addr, _ := readOne(t, w.Fd)
				w.nonblock(t)
				again, err := readOne(t, w.Fd)
				_ = copyPages(t, w.Fd, addr, 1)
				if err == nil && again == addr {
					return string(rule.Duplicate)
				}
				return ""
			})
		},
		Check: func(w *World) error {
			if w.tasks[len(w.tasks)-1].Outcome != "" {
				return fmt.Errorf("%s", rule.Duplicate)
			}
			return only("A")(w)
		},
	},
	{
		Name:     "copy-on-write",
		Doc:      "a faulter, and one that maps the zero page where it faults and then stores to it",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("writer", func(t *machine.Task) string {
				_ = zeroPages(t, w.Fd, page(0), 1)
				_, _ = t.Store(page(0), []byte{'w'})
				return ""
			})
		},
		Check: only("zero", "w"),
	},
	{
		Name:     "read-copy",
		Doc:      "a faulter, a reader that does nothing with what it reads, and a copier",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.Go("reader", func(t *machine.Task) string { w.nonblock(t); _, _ = readOne(t, w.Fd); return "" })
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "copy-map",
		Doc:      "a faulter, a copier, and one that maps memory meanwhile",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			w.mapper()
			w.copier()
		},
		Check: only("A"),
	},
	{
		Name:     "late-wake",
		Doc:      "a faulter, one that wakes it late for what it waited for before, and a copier",
		Faulters: 1,
		Tasks: func(w *World) {
			w.faulters(own)
			target := w.tasks[0]
			w.Go("late", func(t *machine.Task) string { t.WakeUpState(target.sim, sim.Normal); return "" })
			w.copier()
		},
		Check: only("A"),
	},
}

// copier adds a task that fills the first page without reading a message.
func (w *World) copier() {
	w.Go("copier", func(t *machine.Task) string { _ = copyPages(t, w.Fd, page(0), 1); return "" })
}

// mapper adds a task that needs mmap_lock for writing, for memory that no other task
// uses.
func (w *World) mapper() {
	w.Go("mapper", func(t *machine.Task) string { _ = t.Munmap(Plain+mm.PageSize, mm.PageSize); return "" })
}

// reader adds a task that reads without blocking, and serves up to n messages.
func (w *World) reader(n int) {
	w.Go("reader", func(t *machine.Task) string { w.nonblock(t); w.serve(t, n); return "" })
}

// closer adds a task that closes the descriptor.
func (w *World) closer() {
	w.Go("closer", func(t *machine.Task) string { _ = t.Close(w.Fd); return "" })
}

// killer adds a task that sends a signal to the first faulter.
func (w *World) killer(sig sim.Signal) {
	target := w.tasks[0]
	w.Go("killer", func(t *machine.Task) string { t.Kill(target.sim, sig); return "" })
}

// FindSetup returns the setup with the name, nil if there is none.
func FindSetup(name string) *Setup {
	for _, s := range setups {
		if s.Name == name {
			return s
		}
	}
	return nil
}
