package uffd_test

import (
	"fmt"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// REF-1: the file has one reference, and each fault in progress has one, read or not.
// VMAs, descriptors and sleeping readers have none.
func TestRulesReferences(t *testing.T) {
	each(t, func(k *fixture) {
		fd := k.uffd('A', 0)
		ctx := k.ctxs['A']
		k.EqualValues(1, ctx.Refs())
		k.lay("AA.A")
		k.EqualValues(1, ctx.Refs(), "a VMA has none")
		k.do(func(t *machine.Task) {
			second, err := t.Dup(fd)
			k.NoError(err)
			k.EqualValues(1, ctx.Refs(), "nor has a descriptor")
			k.NoError(t.Close(second))
		})
		r := k.reader("r", fd, 32)
		k.settle()
		k.EqualValues(1, ctx.Refs(), "nor a reader")
		k.signal(r, sim.SignalOrdinary)

		f := k.load("f", pg(0))
		k.settle()
		k.EqualValues(2, ctx.Refs())
		g := k.store("g", pg(1), 'g')
		k.load("h", pg(1))
		k.settle()
		k.EqualValues(4, ctx.Refs(), "three faults on two pages")
		k.Equal("p0r", k.read(fd, 32))
		k.EqualValues(4, ctx.Refs(), "reading changes nothing")
		_, err := k.copyPages(fd, 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", f.String())
		k.EqualValues(3, ctx.Refs())
		k.signal(g, sim.SignalFatal)
		k.Equal("killed", g.String())
		k.EqualValues(2, ctx.Refs())
		_, err = k.copyPages(fd, 1, 1, 'x', 0)
		k.NoError(err)
		k.EqualValues(1, ctx.Refs())
		k.False(ctx.Freed())
	})
}

// REF-1: a fault that never sleeps has a reference while it is in the queue.
func TestRulesReferenceWithoutSleep(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		ctx := k.ctxs['A']
		f := k.load("f", pg(0))
		var refs []uint64
		look := func(*machine.Task) string { refs = append(refs, ctx.Refs()); return "" }
		k.start("before", look)
		k.start("queued", look)
		k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', 0)
			return result(err)
		})
		k.play(upTo("f", "get ctx.refcount"), all("before"),
			upTo("f", "spin_unlock ctx.faultPendingWqh.Lock"), all("queued"), all("w"))
		k.settle()
		k.Equal([]uint64{1, 2}, refs)
		k.Equal("'x'", f.String())
		k.EqualValues(1, ctx.Refs())
	})
}

// REF-2: the last put drops the mm and frees the context, and no earlier put does.
func TestRulesLastPut(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		ctx := k.ctxs['A']
		users := k.p.MM.Users()
		k.EqualValues(2, users)
		f := k.load("f", pg(0))
		k.settle()
		k.closer("c", k.fds['A'])
		log := k.steps(k.settle)
		k.Equal("0", f.String())
		k.True(ctx.Freed())
		k.Zero(ctx.Refs())
		k.EqualValues(1, k.p.MM.Users())
		puts := append(stepsOf(log, "c", "mm.users"), stepsOf(log, "f", "mm.users")...)
		k.Equal([]string{"put mm.users"}, puts, "one of the two dropped it")
	})
}

// REF-2, REF-3: the memory of a process that has exited is freed when the last copy of
// the descriptor is closed.
func TestRulesExitedProcessKeepsItsMemory(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("--A")
		k.poke(pg(0), []byte{'0'})
		k.poke(pg(1), []byte{'1'})
		fd := k.fds['A']
		parent, child := k.p, k.fork()
		k.doIn(child, func(t *machine.Task) {
			k.NoError(t.Munmap(arena, 3*page)) // the pages that both processes map
		})
		k.EqualValues(2, k.m.Memory().InUse())
		k.do(func(t *machine.Task) { t.Exit() })
		k.EqualValues(1, parent.MM.Users(), "the context's")
		k.EqualValues(2, k.m.Memory().InUse())
		k.Equal("--|A", k.bar())
		k.False(k.ctxs['A'].Released())

		var second int
		k.doIn(child, func(t *machine.Task) {
			var err error
			second, err = t.Dup(fd)
			k.NoError(err)
			k.NoError(t.Close(fd))
		})
		k.EqualValues(2, k.m.Memory().InUse(), "another copy of the descriptor is open")
		k.doIn(child, func(t *machine.Task) { k.NoError(t.Close(second)) })
		k.True(k.ctxs['A'].Freed())
		k.Zero(parent.MM.Users())
		k.Zero(k.m.Memory().InUse())
		k.Empty(procfs.Maps(parent.MM))
	})
}

// REF-3: ioctls still work on that memory.
func TestRulesIoctlsOnAnExitedProcess(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A--")
		fd := k.fds['A']
		child := k.fork()
		k.do(func(t *machine.Task) { t.Exit() })
		k.doIn(child, func(t *machine.Task) {
			k.NoError(t.Munmap(arena, 3*page))
			reg, r := missing(1, 2), pages(2, 1)
			k.NoError(t.UffdRegister(fd, &reg))
			k.NoError(t.UffdUnregister(fd, r))
			k.NoError(t.UffdWake(fd, r))
			copied, err := copyPages(t, fd, pages(0, 2), 'x', 0)
			k.NoError(err)
			k.EqualValues(2*page, copied)
		})
		k.Equal("AA|-", k.bar())
		k.EqualValues(2, k.m.Memory().InUse())
		k.doIn(child, func(t *machine.Task) { t.Exit() })
		k.Zero(k.m.Memory().InUse())
	})
}

// REF-4: nothing is registered in a child. Its copy of the descriptor works on the
// parent, as a monitor's does: it reads the parent's faults and copies its own bytes
// there.
func TestRulesChildServesItsParent(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAA")
		fd := k.fds['A']
		child := k.fork()
		for _, m := range procfs.Maps(child.MM) {
			k.Nil(m.Ctx)
			k.Empty(m.Modes)
		}
		own := k.loadIn(child, "own", pg(1))
		k.settle()
		k.Equal("0", own.String(), "no userfault")
		k.EqualValues(1, k.ctxs['A'].Refs())

		f := k.load("f", pg(0)+3)
		k.settle()
		k.Equal("f /", k.queues('A'))
		k.doIn(child, func(t *machine.Task) {
			k.Equal("p0+0x3r", read(t, fd, 32))
			outcome, _ := t.Store(pg(2), []byte{0, 0, 0, 'c'})
			k.Equal(mm.Done, outcome)
			arg := abi.Copy{Dst: pg(0), Src: pg(2), Len: page}
			k.NoError(t.UffdCopy(fd, &arg))
		})
		k.Equal("'c'", f.String())
		mine := k.loadIn(child, "mine", pg(0)+3)
		k.settle()
		k.Equal("0", mine.String(), "the page was copied to the parent only")
		k.False(k.present(2))
	})
}

// REF-4: this also holds for a grandchild, and fork does not change the parent's
// registration.
func TestRulesForkLeavesTheParent(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A-")
		before := k.bar()
		child := k.fork()
		var grandchild *machine.Process
		k.doIn(child, func(t *machine.Task) {
			var err error
			grandchild, err = t.Fork()
			k.NoError(err)
		})
		k.procs = append(k.procs, grandchild)
		k.Equal(before, k.bar())
		k.doIn(grandchild, func(t *machine.Task) {
			k.NoError(t.UffdUnregister(k.fds['A'], pages(0, 1)))
		})
		k.Equal("--", k.bar())
	})
}

// FDINFO-1: the text, in every state and profile.
func TestRulesFdinfo(t *testing.T) {
	for version, mask := range map[string]string{"2015": "8000000000000007", "2015+copy": "800000000000001f"} {
		eachIn(t, version, func(k *fixture) {
			fd := k.open('A', 0)
			info := func(pending, total int) {
				k.t.Helper()
				text, err := procfs.Fdinfo(k.p.Files(), fd)
				k.NoError(err)
				k.Equal(fmt.Sprintf("pending:\t%d\ntotal:\t%d\nAPI:\taa:0:%s\n", pending, total, mask), text)
			}
			info(0, 0) // works before the handshake
			k.mmap(0, 12, '-')
			k.NoError(k.register(fd, 0, 12))
			k.load("f", pg(0))
			k.settle()
			info(1, 1)
			_, err := k.api(fd, abi.API{API: abi.APIVersion})
			k.NoError(err)
			info(1, 1)
			for i := 1; i < 12; i++ {
				k.load(fmt.Sprint("f", i), pg(i))
			}
			k.settle()
			info(12, 12) // in decimal
			k.read(fd, 3*32)
			info(9, 12)
			k.read(fd, 9*32)
			info(0, 12)
			k.NoError(k.unregister(fd, 0, 12))
			k.NoError(k.wake(fd, 0, 2))
			info(0, 10)
			k.NoError(k.wake(fd, 2, 10))
			info(0, 0)
		})
	}
}

// fdinfo returns the two numbers of /proc/PID/fdinfo/FD, read by a task: "1 2" for one
// pending fault of two.
func fdinfo(t *machine.Task, fd int) string {
	f := t.Process.Files().File(fd)
	var pending, total, api, features, ioctls uint64
	_, err := fmt.Sscanf(f.Ops.ShowFdinfo(t.Task, f), "pending:\t%d\ntotal:\t%d\nAPI:\t%x:%x:%x\n",
		&pending, &total, &api, &features, &ioctls)
	return fmt.Sprint(pending, " ", total, map[bool]string{false: " unreadable"}[err == nil])
}

// FDINFO-1: both numbers are counted in one critical section: a read that moves a fault
// between the queues is never seen half done.
func TestRulesFdinfoIsConsistent(t *testing.T) {
	seen := outcomes(t, 200, func(k *fixture) string {
		k.lay("AA")
		k.load("f", pg(0))
		k.settle()
		k.load("g", pg(1))
		k.settle()
		r := k.reader("r", k.fds['A'], 64)
		i := k.start("i", func(t *machine.Task) string { return fdinfo(t, k.fds['A']) })
		// The race begins before the first message or before the second.
		lock, unlock := upTo("r", "spin_lock ctx.faultPendingWqh.Lock"), upTo("r", "spin_unlock ctx.faultPendingWqh.Lock")
		k.play([]scene{lock, unlock, lock, unlock}[:1+2*(k.seed%2)+k.seed/2%2]...)
		log := k.steps(k.settle)
		k.Equal("p0r p1r", r.String())
		k.Equal([]string{"spin_lock ctx.faultPendingWqh.Lock", "spin_unlock ctx.faultPendingWqh.Lock"},
			stepsOf(log, "i", ".Lock", "mm.MmapLock"))
		return i.String()
	})
	if want := []string{"0 2", "1 2", "2 2"}; !equalKeys(seen, want) {
		t.Errorf("outcomes are %v, want %v", seen, want)
	}
}
