package uffd_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// closer starts a task that closes a descriptor.
func (k *fixture) closer(name string, fd int) *job {
	return k.start(name, func(t *machine.Task) string { return result(t.Close(fd)) })
}

// stepsOf returns the steps of a task that end in one of the texts, without its name.
func stepsOf(log []string, task string, ends ...string) (steps []string) {
	for _, step := range log {
		what, mine := strings.CutPrefix(step, task+": ")
		if mine && slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(what, end) }) {
			steps = append(steps, what)
		}
	}
	return steps
}

// REL-1, REL-2, REL-4, REL-5, REL-6, REL-7, LOCK-5: every step of a release on the locks,
// the waiting faults and the context, in order. P is woken before Q, newest first.
func TestRulesReleaseOrder(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAAA")
		for i, name := range []string{"q1", "q2", "p1", "p2"} {
			k.load(name, pg(i))
			k.settle()
			if name == "q2" {
				k.Equal("p0r p1r", k.read(k.fds['A'], 64))
			}
		}
		k.Equal("p2 p1 / q2 q1", k.queues('A'))
		c := k.closer("c", k.fds['A'])
		log := k.steps(k.settle)
		k.Equal("ok", c.String())
		k.Equal([]string{
			"put file.count",
			"store ctx.released",
			"down_write mm.MmapLock",
			"up_write mm.MmapLock",
			"spin_lock ctx.faultPendingWqh.Lock",
			"try_to_wake_up p2", "try_to_wake_up p1", "try_to_wake_up q2", "try_to_wake_up q1",
			"spin_unlock ctx.faultPendingWqh.Lock",
			"spin_lock ctx.fdWqh.Lock",
			"spin_unlock ctx.fdWqh.Lock",
			"put ctx.refcount",
		}, stepsOf(log, "c", "file.count", "ctx.released", "mm.MmapLock", ".Lock", " p1", " p2", " q1", " q2", "ctx.refcount"))
	})
}

// REL-1: a close that waits for mmap_lock has already marked the context released.
func TestRulesReleasedBeforeMmapLock(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		ctx := k.ctxs['A']
		c := k.closer("c", k.fds['A'])
		h := k.start("h", func(t *machine.Task) string {
			t.Process.MM.MmapLock.DownRead(t.Task)
			t.Process.MM.MmapLock.UpRead(t.Task)
			released, ended := ctx.Released(), c.ended
			return strings.Trim(strings.Join([]string{
				map[bool]string{true: "released"}[released], map[bool]string{true: "ended"}[ended],
			}, " "), " ")
		})
		k.play(upTo("h", "up_read mm.MmapLock"), all("c"), all("h"))
		k.settle()
		k.Equal("released", h.String())
		k.Equal("ok", c.String())
	})
}

// REL-3, REL-4, REL-5: when mmap_lock has been dropped the VMAs are plain, and the
// sleeping tasks have not been woken yet.
func TestRulesReleaseStripsBeforeItWakes(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		old := k.load("old", pg(0))
		k.settle()
		k.closer("c", k.fds['A'])
		f := k.start("f", func(t *machine.Task) string {
			var b [1]byte
			outcome, _ := t.Load(pg(1), b[:])
			return touched(outcome, byteString(b[0])) + map[bool]string{true: " too late"}[old.ended]
		})
		k.play(upTo("c", "spin_lock ctx.faultPendingWqh.Lock"), all("f"), all("c"))
		k.settle()
		k.Equal("0", f.String())
		k.Equal("0", old.String())
		k.Equal("--", k.bar())
	})
}

// REL-3, REL-8: the maps after a close.
func TestRulesReleaseMaps(t *testing.T) {
	for _, c := range []struct{ rule, bar, want string }{
		{"REL-3 all", "AAAA", "----"},
		{"REL-3 with holes", ".AA.A.", ".--.-."},
		{"REL-3 nothing registered", "--.-", "--.-"},
		{"REL-3 nothing of this context", "BB.-", "BB.-"},
		{"REL-3 far from each other", "A..B..A", "-..B..-"},
		{"REL-8 the left absorbs", "--AA", "----"},
		{"REL-8 the right is absorbed", "AA--", "----"},
		{"REL-8 both", "-A-", "---"},
		{"REL-8 one after another", "A-A-A", "-----"},
		{"REL-8 other kinds in between", "nArA-", "n|-|r|--"},
		{"REL-8 not with another context's", "BAB", "B|-|B"},
		{"REL-8 not with another context's on one side", "-AB", "--|B"},
		{"REL-8 another context's is the predecessor", "BA-", "B|--"},
		{"REL-8 several other contexts", "BCA-CA", "B|C|--|C|-"},
		{"REL-8 not over a hole", "A.-", "-.-"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				k.close(k.fds['A'])
				k.Equal(c.want, k.bar())
			})
		})
	}
}

// REL-8: adjacent VMAs of the context merge one after another into the first.
func TestRulesReleaseFusesARow(t *testing.T) {
	for _, c := range []struct {
		register [][2]int // from tails, which miss their merges (REG-16)
		row      string
	}{
		{[][2]int{{5, 1}, {4, 1}, {3, 1}}, "---|A|A|A"},
		{[][2]int{{5, 1}, {3, 2}, {0, 3}}, "AAAAA|A"},
	} {
		t.Run(c.row, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("------")
				fd := k.uffd('A', 0)
				for _, r := range c.register {
					k.NoError(k.register(fd, r[0], r[1]))
				}
				k.Equal(c.row, k.bar())
				first := k.vma(0)
				k.close(fd)
				k.Equal("------", k.bar())
				k.Same(first, k.vma(5))
			})
		})
	}
}

// REL-8: if a merge fails the VMA stays separate, without the context. Nothing is split,
// so neither the limit on VMAs nor an allocation matters.
func TestRulesReleaseCannotFail(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("-A-.AAA")
		k.NoError(k.unregister(k.fds['A'], 5, 1))
		k.Equal("-|A|-.A|-|A", k.bar())
		k.p.MM.MaxMapCount = 1
		k.do(func(t *machine.Task) {
			t.InjectFaults(func(string) bool { return true })
			k.NoError(t.Close(k.fds['A']))
		})
		k.Equal("-|-|-.-|-|-", k.bar())
		for _, m := range procfs.Maps(k.p.MM) {
			k.Nil(m.Ctx)
			k.Empty(m.Modes)
		}
	})
}

// REL-8: a merge has the conditions of every other merge. A range with an anon_vma does
// not join one without; the reverse does.
func TestRulesReleaseMergeConditions(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A-.-A")
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		k.poke(pg(3), []byte{'y'})
		k.close(k.fds['A'])
		k.Equal("-|-.--", k.bar())
		k.Equal("'x'", k.peek(pg(0)))
		k.Equal("'y'", k.peek(pg(3)))
	})
}

// REL-8: the merge compares the VMA's own page offset. A moved VMA that kept its offset
// does not merge with its new neighbour.
func TestRulesReleaseOffsets(t *testing.T) {
	each(t, func(k *fixture) {
		k.mmap(8, 1, '-')
		k.poke(pg(8), []byte{'m'})
		k.do(func(t *machine.Task) {
			_, err := t.Mremap(pg(8), page, page, mm.MremapMayMove|mm.MremapFixed, pg(1))
			k.NoError(err)
		})
		k.mmap(0, 1, '-')
		k.mmap(2, 1, '-')
		k.width = 3
		fd := k.uffd('A', 0)
		k.NoError(k.register(fd, 0, 3))
		k.Equal("A|A|A", k.bar())
		k.close(fd)
		k.Equal("-|-|-", k.bar())
		k.Equal("'m'", k.peek(pg(1)))
	})
}

// REL-9: the sleeping faults, read or not, get their page as if there were no
// userfaultfd: the zero page for a load, a private page for a store.
func TestRulesReleaseLetsFaultsGo(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAAA")
		fd := k.fds['A']
		q := []*job{k.load("q0", pg(0)), k.store("q1", pg(1), 'w')}
		k.settle()
		k.read(fd, 64)
		p := []*job{k.load("p2", pg(2)+5), k.store("p3", pg(3), 'v')}
		k.settle()
		k.Zero(k.m.Memory().InUse())
		k.close(fd)
		k.Equal([]string{"0", "stored", "0", "stored"}, []string{q[0].String(), q[1].String(), p[0].String(), p[1].String()})
		k.EqualValues(2, k.m.Memory().InUse(), "the loads share the zero page")
		k.Equal("'w'", k.peek(pg(1)))
		k.Equal("'v'", k.peek(pg(3)))
		for _, j := range append(q, p...) {
			major, minor := j.m.Faults()
			k.EqualValues(1, major, "one fault, which slept")
			k.Zero(minor)
		}
		k.True(k.ctxs['A'].Freed())
	})
}

// REL-9: a task that sleeps before the close begins never gets a signal.
func TestRulesSleepersSurviveClose(t *testing.T) {
	seen := outcomes(t, 200, func(k *fixture) string {
		k.lay("AA")
		f, g := k.load("f", pg(0)), k.store("g", pg(1), 'g')
		k.settle()
		if k.seed%2 == 0 {
			k.read(k.fds['A'], 32)
		}
		k.closer("c", k.fds['A'])
		k.settle()
		return f.String() + " " + g.String()
	})
	if want := []string{"0 stored"}; !equalKeys(seen, want) {
		t.Errorf("outcomes are %v, want %v", seen, want)
	}
}

// REL-10: a fault during the close gets SIGBUS or its page.
func TestRulesFaultDuringClose(t *testing.T) {
	seen := outcomes(t, 400, func(k *fixture) string {
		k.lay("A")
		c, f := k.closer("c", k.fds['A']), k.load("f", pg(0))
		k.settle()
		k.Equal("ok", c.String())
		k.True(k.ctxs['A'].Freed())
		k.Equal("-", k.bar())
		return f.String()
	})
	if want := []string{"0", "SIGBUS"}; !equalKeys(seen, want) {
		t.Errorf("outcomes are %v, want %v", seen, want)
	}
}

// REL-10: the two causes of the SIGBUS, and their boundaries.
func TestRulesFaultDuringCloseStepByStep(t *testing.T) {
	for _, c := range []struct {
		name  string
		play  []scene
		want  string
		slept bool
	}{
		{"before released is set", []scene{upTo("c", "store ctx.released"), all("f"), all("c")}, "0", true},
		{"between released and mmap_lock", []scene{upTo("c", "down_write mm.MmapLock"), all("f")}, "SIGBUS", false},
		{"queued, and then released", []scene{upTo("f", "up_read mm.MmapLock"), upTo("c", "down_write mm.MmapLock"), all("f")}, "SIGBUS", false},
		{"queued, and a writer waits", []scene{upTo("f", "up_read mm.MmapLock"), all("c"), upTo("f", "down_read mm.MmapLock"), all("c")}, "0", false},
		{"after the VMAs are plain", []scene{upTo("c", "up_write mm.MmapLock"), all("f"), all("c")}, "0", false},
		{"after mmap_lock", []scene{upTo("c", "spin_lock ctx.faultPendingWqh.Lock"), all("f")}, "0", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("A")
				k.closer("c", k.fds['A'])
				f := k.load("f", pg(0))
				k.play(c.play...)
				log := k.steps(k.settle)
				k.Equal(c.want, f.String())
				k.Equal(c.slept, has(log, "f", "schedule f"), "slept")
				k.True(k.ctxs['A'].Freed())
			})
		})
	}
}

// REL-11: the context outlives its release while a woken fault holds a reference. Then it
// is freed, and its mm dropped.
func TestRulesContextOutlivesRelease(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		ctx := k.ctxs['A']
		f, g := k.load("f", pg(0)), k.load("g", pg(1))
		k.settle()
		k.EqualValues(3, ctx.Refs())
		var refs []uint64
		look := func() { refs = append(refs, ctx.Refs(), k.p.MM.Users()) }
		k.start("c", func(t *machine.Task) string {
			k.NoError(t.Close(k.fds['A']))
			k.True(ctx.Released())
			k.False(ctx.Freed())
			look()
			return ""
		})
		k.start("l", func(*machine.Task) string { look(); return "" })
		k.play(all("c"), all("f"), all("l"), all("g"))
		k.settle()
		k.Equal([]uint64{2, 2, 1, 2}, refs)
		k.Equal("0", f.String())
		k.Equal("0", g.String())
		k.True(ctx.Freed())
		k.EqualValues(1, k.p.MM.Users())
	})
}

// REL-12: the last descriptor releases the context, in whatever process, on the creator's
// memory and under the creator's mmap_lock.
func TestRulesReleaseFromAnotherProcess(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A-")
		fd := k.fds['A']
		child := k.fork()
		f := k.load("f", pg(0))
		k.settle()
		k.close(fd)
		k.Equal("asleep", f.String(), "the child's descriptor is left")
		k.Equal("A|-", k.bar())
		childMaps := procfs.Maps(child.MM)

		c := k.startIn(child, "c", func(t *machine.Task) string { return result(t.Close(fd)) })
		h := k.start("h", func(t *machine.Task) string {
			t.Process.MM.MmapLock.DownWrite(t.Task)
			t.Process.MM.MmapLock.UpWrite(t.Task)
			return map[bool]string{true: "closed", false: "waits"}[c.ended]
		})
		k.play(upTo("h", "up_write mm.MmapLock"), all("c"), all("h"))
		k.settle()
		k.Equal("waits", h.String())
		k.Equal("ok", c.String())
		k.Equal("0", f.String())
		k.Equal("--", k.bar())
		k.Equal(childMaps, procfs.Maps(child.MM))
		k.True(k.ctxs['A'].Freed())
		k.EqualValues(1, k.p.MM.Users())
	})
}

// REL-12: exit closes the descriptors too.
func TestRulesExitReleases(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		child := k.fork()
		k.close(fd)
		f := k.load("f", pg(0))
		k.settle()
		k.Equal("asleep", f.String())
		k.doIn(child, func(t *machine.Task) { t.Exit() })
		k.Equal("0", f.String())
		k.True(k.ctxs['A'].Freed())
	})
}

// REL-13: a sleeping read holds the file, so a close by another task releases nothing.
// The read continues, and its return releases the file.
func TestRulesReadHoldsTheFile(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd, ctx := k.fds['A'], k.ctxs['A']
		file := k.p.Files().File(fd)
		r := k.reader("r", fd, 32)
		k.settle()
		k.EqualValues(2, file.Count())
		k.do(func(t *machine.Task) { k.NoError(t.Close(fd)) })
		k.EqualValues(1, file.Count())
		k.Equal("asleep", r.String())
		k.False(ctx.Released())
		k.EqualValues(1, ctx.Refs())
		k.Equal("A", k.bar())
		k.Equal("EBADF", k.read(fd, 32), "the descriptor is closed")
		k.NoError(ctx.CheckInvariants(true))

		f := k.load("f", pg(0))
		log := k.steps(k.settle)
		k.Equal("p0r", r.String())
		k.Equal("0", f.String())
		k.inOrder(log, "r", "spin_unlock ctx.fdWqh.Lock", "put file.count", "store ctx.released", "up_write mm.MmapLock")
		k.Zero(file.Count())
		k.True(ctx.Freed())
		k.Equal("-", k.bar())
	})
}

// REL-13: a signal ends that read, which then releases the file.
func TestRulesSignalledReadReleases(t *testing.T) {
	for sig, want := range map[sim.Signal]string{sim.SignalOrdinary: "EINTR", sim.SignalFatal: "killed"} {
		each(t, func(k *fixture) {
			k.lay("A")
			r := k.reader("r", k.fds['A'], 32)
			k.settle()
			k.close(k.fds['A'])
			k.signal(r, sig)
			k.Equal(want, r.String())
			k.True(k.ctxs['A'].Freed())
			k.Equal("-", k.bar())
		})
	}
}

// REL-13: an ioctl in progress holds the file: it completes, and then the file is
// released.
func TestRulesIoctlHoldsTheFile(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A-")
		fd, ctx := k.fds['A'], k.ctxs['A']
		arg := missing(1, 1)
		reg := k.start("reg", func(t *machine.Task) string { return result(t.UffdRegister(fd, &arg)) })
		c := k.closer("c", fd)
		k.play(upTo("reg", "down_write mm.MmapLock"), all("c"))
		log := k.steps(k.settle)
		k.Equal("ok", c.String())
		k.Equal("ok", reg.String())
		k.Empty(stepsOf(log, "c", "ctx.released", "mm.MmapLock"))
		k.Equal([]string{
			"get file.count",
			"down_write mm.MmapLock", "up_write mm.MmapLock",
			"put file.count",
			"store ctx.released", "down_write mm.MmapLock", "up_write mm.MmapLock",
		}, stepsOf(log, "reg", "file.count", "ctx.released", "mm.MmapLock"))
		k.NotZero(arg.Ioctls)
		k.Equal("--", k.bar())
		k.True(ctx.Freed())
	})
}

// REL-13: poll(2) holds the file while it sleeps, as the kernel's __pollwait does.
func TestRulesPollHoldsTheFile(t *testing.T) {
	each(t, func(k *fixture) {
		fd := k.uffd('A', abi.ONonblock)
		k.lay("A")
		file := k.p.Files().File(fd)
		fds := []vfs.PollFd{{Fd: fd, Events: vfs.PollIn}}
		p := k.start("p", func(t *machine.Task) string {
			_, err := t.Poll(fds, true)
			return result(err)
		})
		k.settle()
		k.EqualValues(2, file.Count())
		k.close(fd)
		k.EqualValues(1, file.Count())
		k.Equal("asleep", p.String())
		k.False(k.ctxs['A'].Released())
		k.NoError(k.ctxs['A'].CheckInvariants(true))
		f := k.load("f", pg(0))
		k.settle()
		k.Equal("ok", p.String())
		k.Equal(vfs.PollNval, fds[0].Revents, "the descriptor is looked up again")
		k.Equal("0", f.String(), "poll released the file")
		k.Zero(file.Count())
		k.True(k.ctxs['A'].Freed())
	})
}

// REL-13: in a race of a read and a close nothing is used after it was freed.
func TestRulesReadAgainstClose(t *testing.T) {
	seen := outcomes(t, 300, func(k *fixture) string {
		k.lay("A")
		fd := k.fds['A']
		f := k.load("f", pg(0))
		k.settle()
		r, c := k.reader("r", fd, 32), k.closer("c", fd)
		k.settle()
		k.Equal("ok", c.String())
		k.Equal("0", f.String())
		k.True(k.ctxs['A'].Freed())
		return r.String()
	})
	if want := []string{"EBADF", "p0r"}; !equalKeys(seen, want) {
		t.Errorf("outcomes are %v, want %v", seen, want)
	}
}

// REL-13: EBADF for a descriptor that is not open. Closing one of two descriptors does
// not release the file.
func TestRulesOnlyTheLastDescriptorReleases(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		var second int
		k.do(func(t *machine.Task) {
			var err error
			second, err = t.Dup(fd)
			k.NoError(err)
			k.NoError(t.Close(fd))
			k.Equal(errno.EBADF, t.Close(fd))
		})
		k.False(k.ctxs['A'].Released())
		k.Equal("A", k.bar())
		k.close(second)
		k.True(k.ctxs['A'].Freed())
		k.Equal("-", k.bar())
	})
}
