package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/vfs"
)

func (k *fixture) closing(name string, ctx byte) *job {
	return k.start(name, func(t *machine.Task) string { return result(t.Close(k.fds[ctx])) })
}

// REL-1, REL-2, REL-3, REL-4, REL-5, REL-6, REL-7, LOCK-5: the order of the steps.
func TestReleaseOrder(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAA")
		for i, name := range []string{"f1", "f2", "f3"} {
			k.load(name, pg(i))
			k.settle()
		}
		k.Equal("p0r", k.read(k.fds['A'], 32))
		stripped := ""
		k.closing("c", 'A')
		k.play(upTo("c", "up_write mm.MmapLock"), scene{"c", func(string) bool {
			stripped = k.bar() // before any task is woken
			return true
		}}, all("c"))
		k.inOrder(k.steps(k.settle), "c",
			"store ctx.released",
			"down_write mm.MmapLock",
			"up_write mm.MmapLock",
			"spin_lock ctx.faultPendingWqh.Lock",
			"try_to_wake_up f3",
			"try_to_wake_up f2",
			"try_to_wake_up f1",
			"spin_unlock ctx.faultPendingWqh.Lock",
			"spin_lock ctx.fdWqh.Lock",
			"spin_unlock ctx.fdWqh.Lock",
			"put ctx.refcount")
		k.Equal("---", stripped)
		k.True(k.ctxs['A'].Released())
		k.True(k.ctxs['A'].Freed())
	})
}

// REL-3, REL-8: the maps after a close.
func TestReleaseMaps(t *testing.T) {
	for _, c := range []struct {
		name   string
		bar    string
		first  int // registered in addition
		n      int
		before string
		want   string
	}{
		{"one", "AA", 0, 1, "AA", "--"},
		{"a right neighbour is absorbed", "AA--", 0, 1, "AA|--", "----"},
		{"the left one absorbs", "--AA", 2, 1, "--|AA", "----"},
		{"both", "--AA--", 2, 1, "--|AA|--", "------"},
		{"VMAs of other contexts stay", "BBAACC", 2, 1, "BB|AA|CC", "BB|--|CC"},
		{"and unregistered VMAs", "-.AA.-", 2, 1, "-.AA.-", "-.--.-"},
		{"several, apart", "A.A.A", 0, 1, "A.A.A", "-.-.-"},
		{"adjacent ones fuse", "----AA", 2, 2, "--|AA|AA", "------"},
		{"adjacent ones fuse, and the right one", "AA--AA--", 3, 1, "AA|-|A|AA|--", "--------"},
		{"other rights do not", "rAAn", 0, 4, "a|AA|a", "r|--|n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				k.NoError(k.register(k.fds['A'], c.first, c.n))
				k.Equal(c.before, k.bar())
				k.p.MM.MaxMapCount = 1 // REL-8: nothing is ever split
				k.close(k.fds['A'])
				k.Equal(c.want, k.bar())
				for _, m := range procfs.Maps(k.p.MM) {
					if m.Ctx != nil {
						k.NotSame(k.ctxs['A'], m.Ctx)
					}
				}
			})
		})
	}
}

// REL-8: if a merge fails, the registration is removed anyway.
func TestReleaseWithoutMemoryToMerge(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--AA--")
		k.do(func(t *machine.Task) {
			t.InjectFaults(func(site string) bool { return site == "vma_merge" })
			k.NoError(t.Close(k.fds['A']))
		})
		k.Equal("--|--|--", k.bar())
		k.Zero(k.vma(2).Flags & mm.VMUffd)
	})
}

// REL-5, REL-9: the faults of both queues are woken and get their pages, and no task gets
// a signal.
func TestWaitersSurviveClose(t *testing.T) {
	seen := outcomes(t, 300, func(k *fixture) string {
		k.lay("AAAA")
		r := k.load("r", pg(0))
		k.settle()
		w := k.store("w", pg(1), 'w')
		k.settle()
		k.Equal("p0r p1w", k.read(k.fds['A'], 64))
		r2, w2 := k.load("r2", pg(2)), k.store("w2", pg(3), 'v')
		k.settle()
		k.closing("c", 'A')
		k.settle()
		k.Equal("'w'", k.peek(pg(1)))
		k.Equal("'v'", k.peek(pg(3)))
		k.True(k.ctxs['A'].Freed())
		return r.String() + " " + w.String() + " " + r2.String() + " " + w2.String()
	})
	if !equalKeys(seen, []string{"0 stored 0 stored"}) {
		t.Errorf("waiters of a closed context end as %v", seen)
	}
}

// REL-10: a fault at the moment of the close gets SIGBUS or its page, and nothing else.
func TestFaultDuringClose(t *testing.T) {
	seen := outcomes(t, 3000, func(k *fixture) string {
		k.lay("A")
		f := k.load("f", pg(0))
		k.closing("c", 'A')
		k.settle()
		k.True(k.ctxs['A'].Freed())
		return f.String()
	})
	if !equalKeys(seen, []string{"0", "SIGBUS"}) {
		t.Errorf("a fault and a close end as %v", seen)
	}
}

// REL-10: the two causes of the SIGBUS. Either FAULT-3 refuses the fault, or FAULT-11
// refuses to sleep and the retry may not wait.
func TestFaultDuringCloseBothWays(t *testing.T) {
	for name, before := range map[string]string{"refused": "load ctx.released", "does not sleep": "up_read mm.MmapLock"} {
		t.Run(name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("A")
				f := k.load("f", pg(0))
				k.closing("c", 'A')
				k.play(upTo("f", before), upTo("c", "down_write mm.MmapLock"), all("f"), all("c"))
				log := k.steps(k.settle)
				k.Equal("SIGBUS", f.String())
				k.Equal(name == "does not sleep", has(log, "f", "spin_lock ctx.faultPendingWqh.Lock"))
				k.False(has(log, "f", "schedule"))
				k.False(has(log, "f", "ctx.fdWqh"))
			})
		})
	}
}

// REL-11, REF-1: the context is freed when the last woken fault returns.
func TestContextOutlivesRelease(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		ctx := k.ctxs['A']
		k.faults(2)
		k.EqualValues(3, ctx.Refs())
		users := k.p.MM.Users()
		freed, refs := true, uint64(0)
		k.start("c", func(t *machine.Task) string {
			err := t.Close(k.fds['A'])
			freed, refs = ctx.Freed(), ctx.Refs()
			return result(err)
		})
		k.play(all("c"))
		k.settle()
		k.False(freed)
		k.EqualValues(2, refs)
		k.True(ctx.Freed())
		k.Zero(ctx.Refs())
		k.Equal(users-1, k.p.MM.Users())
	})
}

// REL-12: the process with the last reference releases the context, in the creator's
// memory.
func TestReleaseByAnotherProcess(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		fd := k.fds['A']
		f := k.faults(1)[0]
		child := k.fork()
		k.close(fd)
		k.Equal("AA", k.bar(), "the child's descriptor is still open")
		k.Equal("asleep", f.String())
		k.False(k.ctxs['A'].Released())
		k.doIn(child, func(t *machine.Task) { k.NoError(t.Close(fd)) })
		k.Equal("--", k.bar())
		k.Equal("0", f.String())
		k.True(k.ctxs['A'].Freed())
	})
}

// REL-12: the close of the last of several descriptors releases the context.
func TestReleaseOfDuplicates(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		var copied int
		k.do(func(t *machine.Task) {
			var err error
			copied, err = t.Dup(k.fds['A'])
			k.NoError(err)
		})
		k.close(k.fds['A'])
		k.Equal("A", k.bar())
		k.EqualValues(1, k.ctxs['A'].Refs())
		k.close(copied)
		k.Equal("-", k.bar())
	})
}

// REL-13: a sleeping read holds the file, and continues after the close.
func TestReadInProgressHoldsTheFile(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		r := k.reader("r", k.fds['A'], 32)
		k.settle()
		held := k.ctxs['A']
		k.close(k.fds['A'])
		k.Equal("asleep", r.String())
		k.False(held.Released())
		k.Equal("A", k.bar())
		f := k.load("f", pg(0))
		k.settle()
		k.Equal("p0r", r.String())
		// The reader had the last reference: its return released the context.
		k.True(held.Freed())
		k.Equal("0", f.String())
		k.Equal("-", k.bar())
	})
}

// REL-13: an ioctl in progress holds the file.
func TestIoctlInProgressHoldsTheFile(t *testing.T) {
	for range 20 {
		each(t, func(k *fixture) {
			k.lay("AA--")
			arg := missing(2, 2)
			j := k.start("i", func(t *machine.Task) string {
				return result(t.UffdRegister(k.fds['A'], &arg))
			})
			k.closing("c", 'A')
			k.play(upTo("i", "down_write mm.MmapLock"), all("c"))
			log := k.steps(k.settle)
			k.Equal("ok", j.String())
			k.False(has(log, "c", "ctx.released"))
			k.inOrder(log, "i", "up_write mm.MmapLock", "store ctx.released")
			k.Equal("----", k.bar())
		})
	}
}

// REL-13: a call after the close finds no descriptor.
func TestClosedDescriptor(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', 0)
		k.close(fd)
		k.Equal("EBADF", k.read(fd, 32))
		k.Equal(errno.EBADF, k.wake(fd, 0, 1))
		k.Equal(vfs.PollNval, k.poll(fd))
	})
}
