package uffd_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// woken returns the tasks that a task tried to wake, in order.
func woken(log []string, waker string) (names []string) {
	for _, step := range log {
		if name, ok := strings.CutPrefix(step, waker+": try_to_wake_up "); ok {
			names = append(names, name)
		}
	}
	return names
}

func has(log []string, task, what string) bool {
	return slices.ContainsFunc(log, func(step string) bool {
		return strings.HasPrefix(step, task+": ") && strings.Contains(step, what)
	})
}

// WAKE-1: EFAULT, EINVAL, and otherwise always 0. mmap_lock is not taken.
func TestWakeAnswers(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A-.s")
		fd := k.open('B', 0)
		end := k.args(1) + page
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_WAKE, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_WAKE, end-8))
		k.Equal(errno.EINVAL, k.wake(fd, 0, 0))
		for i := range 5 {
			k.NoError(k.wake(fd, i, 1))
		}
		log := k.steps(func() { k.NoError(k.wake(k.fds['A'], 0, 100)) })
		k.False(has(log, "main", "MmapLock"), "%v", log)
		r := pages(0, 2)
		at := k.readOnlyArg(encode(&r, abi.RangeSize))
		k.NoError(k.ioctlAt(fd, abi.UFFDIO_WAKE, at), "nothing is written back")
	})
}

// WAKE-2: only close can wake every fault, the ioctl cannot.
func TestWakeEverybody(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		f := k.load("f", pg(0))
		g := k.load("g", pg(1))
		k.settle()
		k.Equal(errno.EINVAL, k.wake(k.fds['A'], 0, 0))
		k.Equal("asleep", f.String())
		k.Equal("asleep", g.String())
		k.close(k.fds['A'])
		k.Equal("0", f.String())
		k.Equal("0", g.String())
	})
}

// WAKE-3: a barrier, the pending queue, the other queue. The lock is taken only if one of
// them is not empty.
func TestWakeLooksFirst(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		fd := k.fds['A']
		look := []string{"smp_mb", "load ctx.faultPendingWqh.active", "load ctx.faultWqh.active"}
		log := k.steps(func() { k.NoError(k.wake(fd, 1, 1)) })
		k.inOrder(log, "main", look...)
		k.False(has(log, "main", "spin_lock ctx."))

		k.load("f", pg(0))
		k.settle()
		log = k.steps(func() { k.NoError(k.wake(fd, 1, 1)) })
		k.inOrder(log, "main", look[0], look[1], "spin_lock ctx.faultPendingWqh.Lock")

		k.Equal("p0r", k.read(fd, 32))
		log = k.steps(func() { k.NoError(k.wake(fd, 1, 1)) })
		k.inOrder(log, "main", append(look, "spin_lock ctx.faultPendingWqh.Lock")...)
		k.Equal("/ f", k.queues('A'))
	})
}

// WAKE-4, QUEUE-3, §15.6: newest first, unread before read, and every fault in the range.
func TestWakeOrder(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAAA")
		fd := k.fds['A']
		for i, name := range []string{"f1", "f2", "f3", "f4", "f5"} {
			k.load(name, pg(i%2))
			k.settle()
		}
		k.Equal("p0r p1r", k.read(fd, 64))
		k.Equal("f5 f4 f3 / f2 f1", k.queues('A'))
		log := k.steps(func() { k.NoError(k.wake(fd, 0, 2)) })
		k.Equal([]string{"f5", "f4", "f3", "f2", "f1"}, woken(log, "main"))
		k.Equal("/", k.queues('A'))
	})
}

// WAKE-4: faults outside of the range are skipped.
func TestWakePassesOthersBy(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAAA")
		fd := k.fds['A']
		for i, name := range []string{"f1", "f2", "f3", "f4", "f5", "f6"} {
			k.load(name, pg(i%3))
			k.settle()
		}
		k.Equal("p0r p1r p2r", k.read(fd, 96))
		log := k.steps(func() { k.NoError(k.wake(fd, 1, 1)) })
		k.Equal([]string{"f5", "f2"}, woken(log, "main"))
		k.Equal("f6 f4 / f3 f1", k.queues('A'))
	})
}

// WAKE-5: the range is half-open, and is compared with the exact address.
func TestWakeMatch(t *testing.T) {
	for _, c := range []struct {
		addr uint64
		r    abi.Range
		want bool
	}{
		{pg(1), pages(1, 1), true},
		{pg(1) + 1, pages(1, 1), true},
		{pg(1) + page - 1, pages(1, 1), true},
		{pg(2), pages(1, 1), false},
		{pg(2) + 5, pages(1, 1), false},
		{pg(0) + page - 1, pages(1, 1), false},
		{pg(1) + page - 1, pages(2, 1), false},
		{pg(3) + page - 1, pages(1, 3), true},
		{pg(0) + 7, pages(0, 4), true},
		{pg(1) + 7, abi.Range{Start: mm.DefaultMmapMinAddr, Len: mm.TaskSize - mm.DefaultMmapMinAddr}, true},
	} {
		for _, seen := range []bool{false, true} {
			only2015(t, func(k *fixture) {
				k.lay("AAAA")
				f := k.load("f", c.addr)
				k.settle()
				if seen {
					k.read(k.fds['A'], 32)
				}
				k.NoError(k.wakeRange(k.fds['A'], c.r))
				k.Equal(c.want, f.ended, "%#x in %#x+%#x", c.addr, c.r.Start, c.r.Len)
			})
		}
	}
}

// WAKE-6, QUEUE-5: the waker removes the entry of a sleeping task, and the task does not
// remove it again.
func TestWakeRemovesSleepers(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.load("f", pg(0))
		k.settle()
		k.startWake("w", 'A', 0, 1)
		k.play(all("w"))
		log := k.steps(k.settle)
		k.inOrder(log, "w", "spin_lock ctx.faultPendingWqh.Lock", "try_to_wake_up f",
			"store f's entry.wq.link", "spin_unlock ctx.faultPendingWqh.Lock")
		k.False(has(log, "f", "store f's entry.wq.link"))
		k.False(has(log, "f", "spin_lock ctx.faultPendingWqh.Lock"))
	})
}

// WAKE-6, QUEUE-6: a task that is already running (a signal was first) stays in the queue
// and removes its own entry, under the lock.
func TestWakeLeavesRunners(t *testing.T) {
	for _, seen := range []bool{false, true} {
		only2015(t, func(k *fixture) {
			k.lay("A")
			f := k.load("f", pg(0))
			k.settle()
			if seen {
				k.read(k.fds['A'], 32)
			}
			k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
			k.startWake("w", 'A', 0, 1)
			k.play(all("s"), all("w"))
			log := k.steps(k.settle)
			k.Equal([]string{"f"}, woken(log, "w"))
			k.False(has(log, "w", "store f's entry.wq.link"))
			k.inOrder(log, "f", "spin_lock ctx.faultPendingWqh.Lock", "store f's entry.wq.link", "spin_unlock ctx.faultPendingWqh.Lock")
			k.Equal("killed", f.String())
			k.Equal("/", k.queues('A'))
		})
	}
}

func (k *fixture) startWake(name string, ctx byte, first, n int) *job {
	return k.start(name, func(t *machine.Task) string {
		return result(t.UffdWake(k.fds[ctx], pages(first, n)))
	})
}

// WAKE-7: faults are woken by their own context only, even if the page was installed
// through another.
func TestWakeIsByContext(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AABB")
		f := k.load("f", pg(0))
		k.settle()
		k.NoError(k.wake(k.fds['B'], 0, 4))
		k.Equal("asleep", f.String())
		copied, err := k.copyPages(k.fds['B'], 0, 1, 'x', 0)
		k.NoError(err)
		k.EqualValues(page, copied)
		k.Equal("'x'", k.peek(pg(0)), "the page is present")
		k.Equal("asleep", f.String())
		k.Equal("f /", k.queues('A'))
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("'x'", f.String())
	})
}

// WAKE-8: a wake without a page ends with SIGBUS, as FAULT-13 says.
func TestWakeWithoutPage(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		f := k.load("f", pg(0)+3)
		w := k.store("w", pg(1), 'w')
		k.settle()
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("SIGBUS", f.String())
		k.Equal("asleep", w.String())
		k.NoError(k.wake(k.fds['A'], 1, 1))
		k.Equal("SIGBUS", w.String())
		k.False(k.present(0))
		k.False(k.present(1))
	})
}

// The index of the faults chooses those that a walk over the queue would wake.
func TestWakeWithoutIndex(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAA")
		f := k.faults(3)
		k.do(func(t *machine.Task) { uffd.WakeWithoutIndex(t.Task, k.ctxs['A'], pg(1), page) })
		k.Equal("asleep", f[0].String())
		k.Equal("SIGBUS", f[1].String(), "woken, and the page is missing still")
		k.Equal("asleep", f[2].String())
		k.Equal("f2 f0 /", k.queues('A'))
	})
}
