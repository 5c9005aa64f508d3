package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// REF-1: the file has one reference, each fault in progress has one, VMAs have none.
func TestReferences(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA.A.A")
		ctx := k.ctxs['A']
		k.EqualValues(1, ctx.Refs(), "a VMA holds none")
		fs := []*job{k.load("a", pg(0)), k.load("b", pg(0)), k.load("c", pg(3))}
		k.settle()
		k.EqualValues(4, ctx.Refs())
		k.read(k.fds['A'], 32)
		k.EqualValues(4, ctx.Refs(), "a fault that was read keeps its reference")
		k.signal(fs[2], sim.SignalFatal)
		k.EqualValues(3, ctx.Refs())
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		k.EqualValues(1, ctx.Refs())
		k.NoError(k.unregister(k.fds['A'], 0, 6))
		k.EqualValues(1, ctx.Refs())
	})
}

// REF-2, CREATE-4: the last put drops the mm and frees the context.
func TestLastPut(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.EqualValues(2, k.p.MM.Users())
		k.False(k.ctxs['A'].Freed())
		k.close(k.fds['A'])
		k.EqualValues(1, k.p.MM.Users())
		k.True(k.ctxs['A'].Freed())
		k.Zero(k.ctxs['A'].Refs())
	})
}

// REF-3: a context keeps the memory of a process that has exited, and still works on it.
func TestContextOutlivesProcess(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA-")
		k.poke(pg(2), []byte{'p'})
		fd := k.fds['A']
		child := k.fork()
		k.do(func(t *machine.Task) { t.Exit() })
		k.EqualValues(1, k.p.MM.Users())
		k.Equal("AA|-", k.bar())
		k.False(k.ctxs['A'].Released())
		k.doIn(child, func(t *machine.Task) {
			n, err := copyPages(t, fd, pages(0, 1), 'x', 0)
			k.NoError(err)
			k.EqualValues(page, n)
			arg := missing(2, 1)
			k.NoError(t.UffdRegister(fd, &arg))
			r := pages(1, 1)
			k.NoError(t.UffdUnregister(fd, r))
			k.NoError(t.UffdWake(fd, r))
		})
		k.Equal("A|-|A", k.bar())
		k.True(k.present(0))
		k.NotZero(k.m.Memory().InUse())
		k.doIn(child, func(t *machine.Task) { k.NoError(t.Close(fd)) })
		k.Zero(k.p.MM.Users())
		k.True(k.ctxs['A'].Freed())
		k.doIn(child, func(t *machine.Task) { t.Exit() })
		k.Zero(k.m.Memory().InUse())
	})
}

// REF-3: if no other process has the descriptor, exit is the last close.
func TestExitReleases(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.do(func(t *machine.Task) { t.Exit() })
		k.True(k.ctxs['A'].Freed())
		k.Zero(k.p.MM.Users())
		k.Zero(k.m.Memory().InUse())
	})
}

// REF-4: a child's memory is not registered, and its descriptor works on the parent.
func TestFork(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAA")
		fd := k.fds['A']
		f := k.faults(1)[0]
		child := k.fork()
		for _, m := range procfs.Maps(child.MM) {
			k.Nil(m.Ctx)
			k.Empty(m.Modes)
		}
		k.NoError(child.CheckInvariants())
		k.EqualValues(2, k.ctxs['A'].Refs())

		g := k.loadIn(child, "g", pg(0))
		k.settle()
		k.Equal("0", g.String())
		k.Equal("f0 /", k.queues('A'))

		k.doIn(child, func(t *machine.Task) {
			k.Equal("p0r", read(t, fd, 32))
			_, err := copyPages(t, fd, pages(0, 2), 'x', 0)
			k.NoError(err)
		})
		k.Equal("'x'", f.String())
		k.Equal("'x'", k.peek(pg(1)))
		g = k.loadIn(child, "g", pg(1))
		k.settle()
		k.Equal("0", g.String(), "the child has its own page there")
		k.Equal("AAA", k.bar())
	})
}

// From 4.7 to 4.12 a fill of memory that is gone stores its error in the out field, and
// is EFAULT if that cannot be written.
func TestFillOfMemoryThatIsGone(t *testing.T) {
	for _, version := range []string{"4.7", "4.11"} {
		eachIn(t, version, func(k *fixture) {
			k.lay("A")
			fd := k.fds['A']
			arg := abi.Zeropage{Range: pages(0, 1), Mode: 0, Zeropage: 7}
			at := k.readOnlyArg(encode(&arg, abi.ZeropageSize))
			child := k.fork()
			k.do(func(t *machine.Task) { t.Exit() })
			k.Zero(k.p.MM.Users())
			k.doIn(child, func(t *machine.Task) {
				k.Equal(errno.EINVAL, t.UffdZeropage(fd, &arg))
				k.EqualValues(-int64(errno.EINVAL), arg.Zeropage)
				k.Equal(errno.EFAULT, t.Ioctl(fd, abi.UFFDIO_ZEROPAGE, at))
			})
		})
	}
}
