package uffd_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

const waitFlags = mm.FaultAllowRetry | mm.FaultKillable | mm.FaultUser

// handle starts a task that calls HandleUserfault as the fault path does, with mmap_lock
// held. The job's result is what it returned, and whether the lock is still held.
func (k *fixture) handle(name string, ctx byte, vma *mm.VMA, addr uint64, flags mm.FaultFlags, reason mm.VMFlags) *job {
	return k.start(name, func(t *machine.Task) string {
		lock := &t.Process.MM.MmapLock
		lock.DownRead(t.Task)
		result := k.ctxs[ctx].HandleUserfault(t.Task, &mm.Fault{VMA: vma, Address: addr, Flags: flags}, reason)
		if result&mm.VMFaultRetry != 0 && flags&mm.FaultRetryNowait == 0 {
			return result.String()
		}
		lock.UpRead(t.Task) // a bug if it is not held
		return result.String() + " locked"
	})
}

// FAULT-1: a fault in a VMA without a context does not wait, even if a flag says that the
// VMA is registered.
func TestFaultWithoutContext(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A-")
		k.edit(1, func(v *mm.VMA) { v.Flags |= mm.VMUffdMissing })
		f := k.load("f", pg(1))
		w := k.store("w", pg(1), 'w')
		k.settle()
		k.Equal("SIGBUS", f.String())
		k.Equal("SIGBUS", w.String())
		k.Equal("/", k.queues('A'))
		k.edit(1, func(v *mm.VMA) { v.Flags &^= mm.VMUffdMissing })
		k.Equal("0", k.peek(pg(1)), "mmap_lock was released")
	})
}

// FAULT-2: a VMA of another mm, a reason other than exactly one, and a caller without
// mmap_lock are bugs.
func TestFaultAssertions(t *testing.T) {
	cases := map[string]func(k *fixture) *job{
		"no reason":      func(k *fixture) *job { return k.handle("f", 'A', k.vma(0), pg(0), waitFlags, 0) },
		"two reasons":    func(k *fixture) *job { return k.handle("f", 'A', k.vma(0), pg(0), waitFlags, mm.VMUffd) },
		"another reason": func(k *fixture) *job { return k.handle("f", 'A', k.vma(0), pg(0), waitFlags, mm.VMRead) },
		"a good reason and another": func(k *fixture) *job {
			return k.handle("f", 'A', k.vma(0), pg(0), waitFlags, mm.VMUffdMissing|mm.VMRead)
		},
		"a VMA of another mm": func(k *fixture) *job {
			own, child := k.p, k.fork()
			k.p = child
			k.edit(0, func(v *mm.VMA) { v.Flags, v.Userfault = v.Flags|mm.VMUffdMissing, k.ctxs['A'] })
			foreign := k.vma(0)
			k.p = own
			return k.start("f", func(t *machine.Task) string {
				// Both locks are held, so that the VMA is the only error.
				own.MM.MmapLock.DownRead(t.Task)
				child.MM.MmapLock.DownWriteNested(t.Task)
				vmf := &mm.Fault{VMA: foreign, Address: pg(0), Flags: waitFlags | mm.FaultRetryNowait}
				return k.ctxs['A'].HandleUserfault(t.Task, vmf, mm.VMUffdMissing).String()
			})
		},
		"no lock": func(k *fixture) *job {
			vma := k.vma(0)
			return k.start("f", func(t *machine.Task) string {
				vmf := &mm.Fault{VMA: vma, Address: pg(0), Flags: waitFlags}
				return k.ctxs['A'].HandleUserfault(t.Task, vmf, mm.VMUffdMissing).String()
			})
		},
	}
	for name, start := range cases {
		t.Run(name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("A")
				start(k)
				k.NotEmpty(k.bug().What)
				k.procs, k.ctxs = nil, nil
			})
		})
	}
}

// FAULT-3: after release has begun a fault is refused, with the lock held and without a
// message.
func TestFaultOnReleasedContext(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		vma := k.vma(0)
		k.start("c", func(t *machine.Task) string { return result(t.Close(k.fds['A'])) })
		f := k.handle("f", 'A', vma, pg(0), waitFlags, mm.VMUffdMissing)
		k.play(upTo("c", "down_write mm.MmapLock"), all("f"), all("c"))
		log := k.steps(k.settle)
		k.Equal("VM_FAULT_SIGBUS locked", f.String())
		k.False(has(log, "f", "ctx.refcount"))
		k.False(has(log, "f", "ctx.faultPendingWqh"))
	})
}

// A context with FEATURE_SIGBUS also returns SIGBUS after its release. From 4.14 to 6.14
// the features are tested before released, which alone would repeat the access.
func TestSigbusFeatureOnReleasedContext(t *testing.T) {
	for features, want := range map[uint64]string{0: "0 locked", abi.FeatureSIGBUS: "VM_FAULT_SIGBUS locked"} {
		eachIn(t, "4.14", func(k *fixture) {
			k.width = 1
			k.mmap(0, 1, '-')
			fd := k.open('A', 0)
			k.do(func(t *machine.Task) {
				k.NoError(t.UffdAPI(fd, &abi.API{API: abi.APIVersion, Features: features}))
			})
			k.NoError(k.register(fd, 0, 1))
			vma := k.vma(0)
			k.start("c", func(t *machine.Task) string { return result(t.Close(fd)) })
			f := k.handle("f", 'A', vma, pg(0), waitFlags, mm.VMUffdMissing)
			k.play(upTo("c", "down_write mm.MmapLock"), all("f"), all("c"))
			k.settle()
			k.Equal(want, f.String())
		})
	}
}

// FAULT-4: without ALLOW_RETRY a fault does not wait, and the lock stays held.
func TestFaultWithoutLeaveToRetry(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		vma := k.vma(0)
		for _, flags := range []mm.FaultFlags{0, mm.FaultKillable | mm.FaultUser, mm.FaultTried, mm.FaultWrite} {
			f := k.handle("f", 'A', vma, pg(0), flags, mm.VMUffdMissing)
			k.settle()
			k.Equal("VM_FAULT_SIGBUS locked", f.String(), "flags %#x", flags)
		}
		// get_user_pages, as ptrace uses it.
		k.do(func(t *machine.Task) {
			lock := &t.Process.MM.MmapLock
			lock.DownRead(t.Task)
			k.Equal(errno.EFAULT, t.Process.MM.GetUserPage(t.Task, pg(0), true))
			lock.UpRead(t.Task)
		})
		k.Equal("/", k.queues('A'))
		k.EqualValues(1, k.ctxs['A'].Refs())
		k.handle("f", 'A', vma, pg(0), mm.FaultRetryNowait, mm.VMUffdMissing)
		k.Equal(sim.BugAssert, k.bug().Kind, "RETRY_NOWAIT without ALLOW_RETRY")
		k.procs, k.ctxs = nil, nil
	})
}

// FAULT-5: with RETRY_NOWAIT the result is RETRY, the lock stays held, and nothing is
// queued.
func TestFaultNowait(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		vma := k.vma(0)
		f := k.handle("f", 'A', vma, pg(0), waitFlags|mm.FaultRetryNowait, mm.VMUffdMissing)
		log := k.steps(k.settle)
		k.Equal("VM_FAULT_RETRY locked", f.String())
		k.False(has(log, "f", "ctx.faultPendingWqh"))
		k.False(has(log, "f", "ctx.refcount"))
		k.do(func(t *machine.Task) {
			lock := &t.Process.MM.MmapLock
			lock.DownRead(t.Task)
			k.Equal(errno.EBUSY, t.Process.MM.GetUserPageNowait(t.Task, pg(0), false))
			lock.UpRead(t.Task)
		})
		k.Equal("/", k.queues('A'))
	})
}

// FAULT-6: the reference is taken before mmap_lock is dropped.
func TestFaultTakesReference(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.load("f", pg(0))
		log := k.steps(k.settle)
		k.inOrder(log, "f", "down_read mm.MmapLock", "get ctx.refcount", "spin_lock ctx.faultPendingWqh.Lock", "up_read mm.MmapLock")
		k.EqualValues(2, k.ctxs['A'].Refs())
	})
}

// FAULT-6: a fault on a context without references is a bug. Only a dropped rule makes
// this possible.
func TestFaultOnFreedContext(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.m.Dropped = rule.Of(uffd.FirstReleasedTest)
		k.lay("A")
		k.close(k.fds['A'])
		k.True(k.ctxs['A'].Freed())
		k.edit(0, func(v *mm.VMA) { v.Flags, v.Userfault = v.Flags|mm.VMUffdMissing, k.ctxs['A'] })
		k.load("f", pg(0))
		k.NotEmpty(k.bug().What)
		k.procs, k.ctxs = nil, nil
	})
}

// FAULT-7: the 32 bytes of a message.
func TestFaultMessage(t *testing.T) {
	for _, c := range []struct {
		name   string
		flags  mm.FaultFlags
		reason mm.VMFlags
		want   uint64
	}{
		{"read", 0, mm.VMUffdMissing, 0},
		{"write", mm.FaultWrite, mm.VMUffdMissing, 1},
		{"write-protected", mm.FaultWrite, mm.VMUffdWP, 3},
		{"a read of a write-protected page", 0, mm.VMUffdWP, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, addr := range []uint64{pg(0), pg(1) + 0x234, pg(1) + 0xfff} {
				only2015(t, func(k *fixture) {
					k.lay("AA")
					vma := k.vma(0)
					k.handle("f", 'A', vma, addr, waitFlags|c.flags, c.reason)
					k.settle()
					got := bytes.Repeat([]byte{0xee}, 32)
					k.do(func(t *machine.Task) {
						n, err := t.ReadBytes(k.fds['A'], got)
						k.NoError(err)
						k.Equal(32, n)
					})
					want := make([]byte, 32)
					want[0] = 0x12
					binary.LittleEndian.PutUint64(want[8:], c.want)
					binary.LittleEndian.PutUint64(want[16:], addr)
					k.Equal(want, got)
				})
			}
		})
	}
}

// FAULT-7: the address and the direction of an access by a program.
func TestFaultMessageOfAccesses(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAAA")
		k.load("r", pg(0)+0x123)
		k.settle()
		k.store("w", pg(1)+0xffe, 'w')
		k.settle()
		k.start("copy", func(t *machine.Task) string { return result(t.CopyToUser(pg(2)+8, make([]byte, 8))) })
		k.settle()
		k.start("two pages", func(t *machine.Task) string {
			o, _ := t.Load(pg(3)-1, make([]byte, 2))
			return o.String()
		})
		k.settle()
		k.Equal("p0+0x123r p1+0xffew p2+0x8w p2+0xfffr", k.read(k.fds['A'], 320))
	})
}

// FAULT-8, FAULT-9, FAULT-10, FAULT-11: the order of the steps. The state is set with the
// queue's lock held, the page table is checked with mmap_lock held, readers are woken
// without a lock, and the sleep comes last.
func TestFaultOrder(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		r := k.reader("r", k.fds['A'], 32)
		k.settle()
		k.load("f", pg(0))
		k.play(all("f"))
		log := k.steps(k.settle)
		k.inOrder(log, "f",
			"down_read mm.MmapLock",
			"spin_lock ctx.faultPendingWqh.Lock",
			"store ctx.faultPendingWqh.active",
			"set_current_state f",
			"spin_unlock ctx.faultPendingWqh.Lock",
			"load pte table.entries[0]",
			"up_read mm.MmapLock",
			"load ctx.released",
			"spin_lock ctx.fdWqh.Lock",
			"try_to_wake_up r",
			"spin_unlock ctx.fdWqh.Lock")
		k.Equal("p0r", r.String())
	})
}

// FAULT-8, QUEUE-1: the newest fault is at the head.
func TestFaultsQueueAtTheHead(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAA")
		for i, name := range []string{"f1", "f2", "f3"} {
			f := k.load(name, pg(i))
			k.settle()
			k.Equal(sim.Killable, f.task.State())
		}
		k.Equal("f3 f2 f1 /", k.queues('A'))
	})
}

// FAULT-9, FAULT-11, FAULT-16: the check finds a page that was installed just before the
// fault was queued. The fault does not sleep, wakes no reader and leaves the queue.
func TestFaultFindsThePage(t *testing.T) {
	for _, stop := range []string{"spin_lock ctx.faultPendingWqh.Lock", "set_current_state f", "spin_unlock ctx.faultPendingWqh.Lock"} {
		each(t, func(k *fixture) {
			k.lay("A")
			p := k.poller("p", k.fds['A']) // POLLERR: the file is blocking
			f := k.load("f", pg(0))
			k.start("w", func(t *machine.Task) string {
				_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', abi.CopyModeDontwake)
				return result(err)
			})
			// The copier waits as soon as F holds the lock of the pending queue, but the
			// page is installed before that.
			k.play(upTo("f", stop), all("w"), all("f"))
			log := k.steps(k.settle)
			k.Equal("'x'", f.String())
			k.False(has(log, "f", "ctx.fdWqh"), "%v", log)
			k.False(has(log, "f", "schedule"))
			k.Equal("/", k.queues('A'))
			k.EqualValues(1, k.ctxs['A'].Refs())
			k.Equal("POLLERR", p.String())
			major, minor := f.m.Faults()
			k.Equal([]uint64{0, 1}, []uint64{major, minor})
		})
	}
}

// FAULT-10: mmap_lock is free while the fault sleeps.
func TestFaultSleepsWithoutMmapLock(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		k.mmap(5, 1, '-')
		k.Equal("asleep", f.String())
	})
}

// FAULT-11, FAULT-12: a task killed before it sleeps does not sleep, and leaves the
// queue.
func TestFaultKilledBeforeSleep(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
		k.play(upTo("f", "up_read mm.MmapLock"), all("s"), all("f"))
		log := k.steps(k.settle)
		k.Equal("killed", f.String())
		k.False(has(log, "f", "ctx.fdWqh"), "no reader is woken")
		k.False(has(log, "f", "schedule"))
		k.Equal("/", k.queues('A'))
		k.EqualValues(1, k.ctxs['A'].Refs())
	})
}

// FAULT-12: the result, and that the lock and the reference are dropped.
func TestFaultResult(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		vma := k.vma(0)
		f := k.handle("f", 'A', vma, pg(0), waitFlags, mm.VMUffdMissing)
		k.settle()
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal((mm.VMFaultRetry | mm.VMFaultMajor).String(), f.String())
		k.EqualValues(1, k.ctxs['A'].Refs())

		_, err := k.copyPages(k.fds['A'], 1, 1, 'x', 0)
		k.NoError(err)
		f = k.handle("f", 'A', vma, pg(1), waitFlags, mm.VMUffdMissing)
		k.settle()
		k.Equal(mm.VMFaultRetry.String(), f.String(), "not MAJOR: it has not slept")
		k.EqualValues(1, k.ctxs['A'].Refs())
	})
}

// FAULT-12: a killed fault removes itself from either queue. The other faults stay.
func TestKilledFaultLeavesItsQueue(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		var f []*job
		for _, name := range []string{"f1", "f2", "f3", "f4", "f5", "f6"} {
			f = append(f, k.load(name, pg(0)))
			k.settle()
		}
		k.read(k.fds['A'], 96)
		k.Equal("f6 f5 f4 / f3 f2 f1", k.queues('A'))
		k.signal(f[4], sim.SignalFatal)
		k.Equal("f6 f4 / f3 f2 f1", k.queues('A'))
		k.signal(f[1], sim.SignalFatal)
		k.Equal("f6 f4 / f3 f1", k.queues('A'))
		k.EqualValues(5, k.ctxs['A'].Refs())
		k.Equal("killed", f[1].String())
	})
}

// FAULT-12: a fault that slept counts as a major fault.
func TestFaultAccounting(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", f.String())
		major, minor := f.m.Faults()
		k.Equal([]uint64{1, 0}, []uint64{major, minor})
	})
}

// FAULT-13: the kernel retries a fault once, and the retry may not wait: SIGBUS if the
// page is still missing.
func TestOneRetry(t *testing.T) {
	// WAKE-8 tests the plain wake. Here the page is present at the wake, and missing
	// again at the retry.
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', abi.CopyModeDontwake)
		k.NoError(err)
		k.Equal("asleep", f.String())
		k.do(func(t *machine.Task) { k.NoError(t.Madvise(pg(0), page, mm.MadvDontNeed)) })
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("SIGBUS", f.String())
		k.Equal("/", k.queues('A'), "no second message")
		k.Equal(uint64(1), k.ctxs['A'].Refs())
	})
}

// FAULT-13: the next instruction may fault and wait again.
func TestNextAccessMayWaitAgain(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.start("f", func(t *machine.Task) string {
			var b [1]byte
			first, _ := t.Load(pg(0), b[:])
			second, _ := t.Load(pg(0), b[:])
			return touched(first, byteString(b[0])) + " " + touched(second, byteString(b[0]))
		})
		k.settle()
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("asleep", f.String())
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("SIGBUS 'x'", f.String())
	})
}

// FAULT-14, §15.3: signals that are not fatal do not end the wait, in either mode.
func TestOrdinarySignalsDoNotEndTheWait(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		user := k.load("user", pg(0))
		k.settle()
		var b [1]byte
		kernel := k.start("kernel", func(t *machine.Task) string { return result(t.CopyFromUser(b[:], pg(1))) })
		k.settle()
		for range 3 {
			k.signal(user, sim.SignalOrdinary)
			k.signal(kernel, sim.SignalOrdinary)
			k.Equal("asleep", user.String())
			k.Equal("asleep", kernel.String())
			k.Equal("kernel user /", k.queues('A'), "no second message")
		}
		_, err := k.copyPages(k.fds['A'], 0, 2, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", user.String())
		k.Equal("ok", kernel.String())
		k.EqualValues('x', b[0])
	})
}

// FAULT-14: a pending signal that is not fatal does not keep a fault from sleeping.
func TestFaultSleepsWithAnOrdinarySignalPending(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.start("f", func(t *machine.Task) string {
			t.Signal(t.Task, sim.SignalOrdinary)
			o, _ := t.Load(pg(0), make([]byte, 1))
			return touched(o, "loaded")
		})
		k.settle()
		k.Equal("asleep", f.String())
		k.Equal("f /", k.queues('A'))
	})
}

// FAULT-14: a fatal signal ends the wait. In user mode the task dies; in kernel mode the
// access first returns EFAULT.
func TestFatalSignalEndsTheWait(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		user := k.store("user", pg(0), 'u')
		k.settle()
		var err error
		kernel := k.start("kernel", func(t *machine.Task) string {
			err = mm.CopyFromUser(t.Task, make([]byte, 1), pg(0))
			return result(err)
		})
		k.settle()
		k.signal(user, sim.SignalFatal)
		k.Equal("killed", user.String())
		k.Equal("asleep", kernel.String())
		k.signal(kernel, sim.SignalFatal)
		k.Equal("EFAULT", result(err))
		k.Equal("/", k.queues('A'))
		k.False(k.present(0))
	})
}

// FAULT-15, FAULT-13: any wake-up ends the wait, even one that was not for the fault.
func TestStrayWakeUp(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		k.do(func(t *machine.Task) { k.True(t.WakeUpState(f.task, sim.Normal)) })
		k.Equal("SIGBUS", f.String())
		k.Equal("/", k.queues('A'))
		k.EqualValues(1, k.ctxs['A'].Refs())
	})
}

// FAULT-16: a message can be read even if its fault never sleeps because the page is
// present.
func TestMessageOfAFaultThatNeverSlept(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', abi.CopyModeDontwake)
			return result(err)
		})
		r := k.reader("r", k.fds['A'], 32)
		k.play(upTo("f", "spin_lock ctx.faultPendingWqh.Lock"), all("w"),
			upTo("f", "up_read mm.MmapLock"), all("r"), all("f"))
		log := k.steps(k.settle)
		k.Equal("p0r", r.String())
		k.Equal("'x'", f.String())
		k.False(has(log, "f", "schedule"))
		k.Equal("/", k.queues('A'), "it left the other queue")
		_, err := k.copyPages(k.fds['A'], 0, 1, 'y', 0)
		k.Equal(errno.EEXIST, err, "the monitor must accept this error")
	})
}

// FAULT-16: the outcomes of a fault, a reader and a copier in many interleavings.
func TestFaultReaderCopierRace(t *testing.T) {
	seen := outcomes(t, 2000, func(k *fixture) string {
		k.lay("A")
		f := k.load("f", pg(0))
		k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', 0)
			return result(err)
		})
		k.settle()
		return f.String()
	})
	if !equalKeys(seen, []string{"'x'"}) {
		t.Errorf("a fault and the copy of its page end as %v", seen)
	}
}

// FAULT-17: two tasks that fault on one page have two entries and two messages. One wake
// ends both.
func TestTwoFaultsOnOnePage(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		k.do(func(t *machine.Task) { k.NoError(t.FcntlSetFlags(fd, abi.ONonblock)) })
		f1 := k.load("f1", pg(0)+1)
		k.settle()
		f2 := k.load("f2", pg(0)+2)
		k.settle()
		k.Equal("f2 f1 /", k.queues('A'))
		k.EqualValues(3, k.ctxs['A'].Refs())
		k.Equal("p0+0x1r", k.read(fd, 32))
		k.Equal("f2 / f1", k.queues('A'))
		_, err := k.copyPages(fd, 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", f1.String())
		k.Equal("'x'", f2.String())
		k.Equal("/", k.queues('A'))
		k.Equal("EAGAIN", k.read(fd, 32), "the second message was removed")
	})
}
