package uffd_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Differences of 4.3 that the profile 2015 must not have. §15.1 is tested in api_test.go,
// §15.5 in create_test.go, §15.6 in wake_test.go.

// §15.2, WAKE-3: 4.3 protects a waker's check with a sequence count (refile_seq), because
// both queues look empty for a moment while a reader moves the only fault from one to the
// other. The 2015 code does not: the wake is lost, although the page is present.
func TestWakeIsLostDuringRefile(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		r := k.reader("r", k.fds['A'], 32)
		w := k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', 0)
			return result(err)
		})
		k.play(upTo("r", "store ctx.faultPendingWqh.active"), // about to remove the fault
			upTo("r", "store ctx.faultWqh.active"), // before adding it to the other
			all("w"))
		log := k.steps(k.settle)
		k.inOrder(log, "w", "smp_mb", "load ctx.faultPendingWqh.active", "load ctx.faultWqh.active")
		k.False(has(log, "w", "ctx.faultPendingWqh.Lock"))
		k.Equal("ok", w.String())
		k.Equal("p0r", r.String())
		k.Equal("asleep", f.String())
		k.Equal("/ f", k.queues('A'))
		k.True(k.present(0))
		// The way out: the monitor's own copy returns EEXIST, so the monitor wakes the
		// fault.
		_, err := k.copyPages(k.fds['A'], 0, 1, 'y', 0)
		k.Equal(errno.EEXIST, err)
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("'x'", f.String())
	})
}

// §15.2: with two faults the queues never look empty, and no wake is lost.
func TestWakeIsNotLostWithTwoFaults(t *testing.T) {
	seen := outcomes(t, 1000, func(k *fixture) string {
		k.lay("AA")
		f := k.load("f", pg(0))
		k.settle()
		k.load("g", pg(1))
		k.settle()
		k.reader("r", k.fds['A'], 32)
		k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', 0)
			return result(err)
		})
		k.settle()
		return f.String()
	})
	if !equalKeys(seen, []string{"'x'"}) {
		t.Errorf("outcomes are %v", seen)
	}
}

// §15.3: a fault of user mode sleeps KILLABLE, so a signal with a handler does not make
// it queue a second message.
func TestSignalLeavesUserFaultAsleep(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		k.Equal(sim.Killable, f.task.State())
		log := k.steps(func() { k.signal(f, sim.SignalOrdinary) })
		k.False(has(log, "f", ""), "the task does not run")
		k.Equal("f /", k.queues('A'))
	})
}

// §15.4: COPY and ZEROPAGE are unknown commands.
func TestNoCopyYet(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.faults(1)[0]
		for _, cmd := range []uint32{abi.UFFDIO_COPY, abi.UFFDIO_ZEROPAGE} {
			arg := abi.Copy{Dst: pg(0), Src: pg(0), Len: page, Copy: 77}
			b := encode(&arg, abi.CopySize)
			old := bytes.Clone(b)
			k.Equal(errno.EINVAL, k.ioctl(k.fds['A'], cmd, b))
			k.Equal(old, b)
			k.Equal(errno.EINVAL, k.ioctlAt(k.fds['A'], cmd, nowhere), "not EFAULT: the argument is not read")
		}
		k.False(k.present(0))
		k.Equal("asleep", f.String())
		arg := missing(0, 1)
		answer, err := k.registerArg(k.fds['A'], arg)
		k.NoError(err)
		k.Equal(abi.MaskWake, answer.Ioctls, "nor are they offered")
	})
}

// §15.7: an unknown state is a bug in read and in poll.
func TestReadAssertsTheState(t *testing.T) {
	for _, call := range []string{"read", "poll"} {
		only2015(t, func(k *fixture) {
			fd := k.uffd('A', abi.ONonblock)
			uffd.SetState(k.ctxs['A'], 2)
			if call == "read" {
				k.reader("r", fd, 32)
			} else {
				k.poller("p", fd)
			}
			bug := k.bug()
			k.Equal(sim.BugAssert, bug.Kind)
			k.True(strings.Contains(bug.Where, call), bug.Where)
			k.procs, k.ctxs = nil, nil
		})
	}
}
