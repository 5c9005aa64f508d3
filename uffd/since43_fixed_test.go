package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// The behaviour of profile 4.3 where it differs from 2015: see since43_test.go.

func in43(t *testing.T, body func(k *fixture)) {
	t.Helper()
	eachIn(t, "4.3", body)
}

// §15.1: before the handshake every ioctl but UFFDIO_API is EINVAL.
func TestIoctlsWaitForTheHandshake43(t *testing.T) {
	in43(t, func(k *fixture) {
		k.lay("-")
		fd := k.open('A', 0)
		for _, cmd := range []uint32{abi.UFFDIO_REGISTER, abi.UFFDIO_UNREGISTER, abi.UFFDIO_WAKE, abi.UFFDIO_COPY, abi.UFFDIO_ZEROPAGE} {
			k.Equal(errno.EINVAL, k.ioctlAt(fd, cmd, nowhere), "not EFAULT: the argument is not read")
		}
		_, err := k.api(fd, abi.API{API: abi.APIVersion})
		k.NoError(err)
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_WAKE, nowhere))
	})
}

// §15.3: a signal with a handler ends the sleep of a fault in user mode. Its message is
// removed, read or not, and the repeated access queues a new one.
func TestSignalEndsUserFault43(t *testing.T) {
	for _, read := range []bool{false, true} {
		in43(t, func(k *fixture) {
			k.lay("A")
			f := k.load("f", pg(0))
			k.settle()
			k.Equal(sim.Interruptible, f.task.State())
			if read {
				r := k.reader("r", k.fds['A'], 32)
				k.settle()
				k.Equal("p0r", r.String())
				k.Equal("/ f", k.queues('A'))
			}
			k.signal(f, sim.SignalOrdinary)
			k.Equal("f /", k.queues('A'), "queued again")
			k.Equal("asleep", f.String())
			_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
			k.NoError(err)
			k.Equal("'x'", f.String())
		})
	}
}

// §15.3: a fatal signal ends the task, and a fault in kernel mode sleeps through all
// other signals.
func TestOtherSignals43(t *testing.T) {
	in43(t, func(k *fixture) {
		k.lay("AA")
		f := k.load("f", pg(0))
		g := k.start("g", func(t *machine.Task) string { return result(t.Ioctl(k.fds['A'], abi.UFFDIO_WAKE, pg(1))) })
		k.settle()
		k.Equal(sim.Killable, g.task.State())
		k.signal(g, sim.SignalOrdinary)
		k.Equal("asleep", g.String())
		k.signal(f, sim.SignalFatal)
		k.Equal("killed", f.String())
		k.Equal("g /", k.queues('A'))
		k.signal(g, sim.SignalFatal)
		k.Equal("killed", g.String())
	})
}

// §15.5: if the file cannot be created, the context drops its mm.
func TestNoFileGivesTheMMUp43(t *testing.T) {
	in43(t, func(k *fixture) {
		_, err := k.create(k.p, 0, "anon_inode_getfile")
		k.Equal(errno.ENFILE, err)
		k.EqualValues(1, k.p.MM.Users())
	})
}
