package uffd_test

import (
	"slices"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// faults starts a fault on each page in turn: f0, f1...
func (k *fixture) faults(n int) (all []*job) {
	k.t.Helper()
	for i := range n {
		all = append(all, k.load("f"+string(rune('0'+i)), pg(i)))
		k.settle()
	}
	return all
}

func (k *fixture) setFlags(fd int, flags uint32) {
	k.t.Helper()
	k.do(func(t *machine.Task) { k.NoError(t.FcntlSetFlags(fd, flags)) })
}

// READ-1, READ-2: EINVAL before the handshake, and EINVAL without room for a message.
func TestReadRefusals(t *testing.T) {
	for _, flags := range []uint32{0, abi.ONonblock} {
		only2015(t, func(k *fixture) {
			k.lay("-")
			fd := k.open('A', flags)
			k.NoError(k.register(fd, 0, 1))
			k.faults(1)
			for _, size := range []int{0, 1, 31, 32, 320} {
				k.Equal("EINVAL", k.read(fd, size), "READ-1, %d bytes", size)
			}
			_, err := k.api(fd, goodAPI)
			k.NoError(err)
			for _, size := range []int{0, 1, 31} {
				k.Equal("EINVAL", k.read(fd, size), "READ-2, %d bytes", size)
			}
			k.Equal("f0 /", k.queues('A'), "no message is lost")
			k.do(func(t *machine.Task) {
				_, err := t.Read(fd, nowhere, 31)
				k.Equal(errno.EINVAL, err, "the buffer is not accessed")
			})
		})
	}
}

// READ-3: read stores whole messages only.
func TestReadSizes(t *testing.T) {
	for size, want := range map[int]string{
		32: "p0r", 63: "p0r", 64: "p0r p1r", 70: "p0r p1r", 96: "p0r p1r p2r", 1000: "p0r p1r p2r",
	} {
		for _, flags := range []uint32{0, abi.ONonblock} {
			only2015(t, func(k *fixture) {
				k.lay("AAA")
				k.setFlags(k.fds['A'], flags)
				k.faults(3)
				buf := make([]byte, size)
				for i := range buf {
					buf[i] = 0xee
				}
				k.do(func(t *machine.Task) {
					n, err := t.ReadBytes(k.fds['A'], buf)
					k.NoError(err)
					k.Equal(want, messages(buf[:n]))
					for _, b := range buf[n:] {
						k.EqualValues(0xee, b, "the bytes behind are not written")
					}
				})
				pending, seen := k.ctxs['A'].Queues()
				k.Len(seen, min(size/32, 3))
				k.Len(pending, 3-min(size/32, 3))
			})
		}
	}
}

// READ-4: read sleeps for the first message only.
func TestReadWaitsForTheFirstOnly(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		fd := k.fds['A']
		k.faults(1)
		k.Equal("p0r", k.read(fd, 320))
		r := k.reader("r", fd, 320)
		k.settle()
		k.Equal("asleep", r.String())
		k.load("g", pg(1))
		k.settle()
		k.Equal("p1r", r.String())
	})
}

// READ-5, READ-6: an error after the first message is not reported, and its message is
// lost.
func TestReadErrorAfterAMessage(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAA")
		fd := k.fds['A']
		k.setFlags(fd, abi.ONonblock)
		k.faults(3)
		end := k.args(1) + page
		k.do(func(t *machine.Task) {
			n, err := t.Read(fd, end-32, 96)
			k.NoError(err)
			k.EqualValues(32, n)
		})
		k.Equal("p0r", messages(k.fetch(end-32, 32)))
		k.Equal("f2 / f1 f0", k.queues('A'), "the second was moved, the third was not")
		k.Equal("p2r", k.read(fd, 320))
	})
}

// READ-5: a signal after the first message is not reported.
func TestReadSignalAfterAMessage(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.faults(1)
		r := k.start("r", func(t *machine.Task) string {
			t.Signal(t.Task, sim.SignalOrdinary)
			return read(t, k.fds['A'], 320)
		})
		k.settle()
		k.Equal("p0r", r.String())
	})
}

// READ-6: a message that cannot be stored is lost, and its fault keeps sleeping.
func TestReadLosesTheMessage(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		k.setFlags(fd, abi.ONonblock)
		f := k.faults(1)[0]
		k.do(func(t *machine.Task) {
			n, err := t.Read(fd, nowhere, 64)
			k.Equal(errno.EFAULT, err)
			k.Zero(n)
		})
		k.Equal("/ f0", k.queues('A'))
		k.Equal("EAGAIN", k.read(fd, 32))
		k.Equal(vfs.PollEvents(0), k.poll(fd))
		k.Equal("asleep", f.String())
		_, err := k.copyPages(fd, 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", f.String())
	})
}

// READ-6: a message that is stored in part is lost too.
func TestReadStoresAPart(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.faults(1)
		end := k.args(1) + page
		k.do(func(t *machine.Task) {
			_, err := t.Read(k.fds['A'], end-16, 32)
			k.Equal(errno.EFAULT, err)
		})
		k.Equal("/ f0", k.queues('A'))
	})
}

// READ-7: the precedence: a message, then a signal, then EAGAIN, then sleep.
func TestReadPriorities(t *testing.T) {
	for _, c := range []struct {
		message, signal, nonblock bool
		want                      string
	}{
		{true, true, true, "p0r"},
		{true, true, false, "p0r"},
		{true, false, true, "p0r"},
		{false, true, true, "EINTR"},
		{false, true, false, "EINTR"},
		{false, false, true, "EAGAIN"},
		{false, false, false, "asleep"},
	} {
		only2015(t, func(k *fixture) {
			k.lay("A")
			if c.nonblock {
				k.setFlags(k.fds['A'], abi.ONonblock)
			}
			if c.message {
				k.faults(1)
			}
			r := k.start("r", func(t *machine.Task) string {
				if c.signal {
					t.Signal(t.Task, sim.SignalOrdinary)
				}
				return read(t, k.fds['A'], 32)
			})
			k.settle()
			k.Equal(c.want, r.String(), "%+v", c)
		})
	}
}

// READ-7: both kinds of signal end a sleeping read.
func TestSignalEndsRead(t *testing.T) {
	for sig, want := range map[sim.Signal]string{sim.SignalOrdinary: "EINTR", sim.SignalFatal: "killed"} {
		only2015(t, func(k *fixture) {
			k.lay("A")
			r := k.reader("r", k.fds['A'], 32)
			k.settle()
			k.Equal(sim.Interruptible, r.task.State())
			k.signal(r, sig)
			k.Equal(want, r.String())
			// The reader has left the queue: a fault finds no task to wake.
			k.load("f", pg(0))
			k.Empty(woken(k.steps(k.settle), "f"))
		})
	}
}

// READ-8, QUEUE-2: the oldest fault is read first and moves to the head of the other
// queue.
func TestReadIsFIFO(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAA")
		k.faults(3)
		fd := k.fds['A']
		k.Equal("f2 f1 f0 /", k.queues('A'))
		k.Equal("p0r", k.read(fd, 32))
		k.Equal("f2 f1 / f0", k.queues('A'))
		k.Equal("p1r", k.read(fd, 32))
		k.Equal("f2 / f1 f0", k.queues('A'))
		k.Equal("p2r", k.read(fd, 32))
		k.Equal("/ f2 f1 f0", k.queues('A'))
	})
}

// READ-9: the steps of a reader before it sleeps and after it was woken, in order.
func TestReadOrder(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		r := k.reader("r", k.fds['A'], 32)
		k.inOrder(k.steps(k.settle), "r",
			"spin_lock ctx.fdWqh.Lock",
			"store ctx.fdWqh.active",
			"set_current_state r",
			"spin_lock ctx.faultPendingWqh.Lock",
			"spin_unlock ctx.faultPendingWqh.Lock",
			"load r",
			"spin_unlock ctx.fdWqh.Lock")
		k.load("f", pg(0))
		k.inOrder(k.steps(k.settle), "r",
			"schedule r",
			"spin_lock ctx.fdWqh.Lock",
			"set_current_state r",
			"spin_lock ctx.faultPendingWqh.Lock",
			"spin_unlock ctx.faultPendingWqh.Lock",
			"store ctx.fdWqh.active",
			"set_current_state r",
			"spin_unlock ctx.fdWqh.Lock")
		k.Equal("p0r", r.String())
	})
}

// READ-9, FAULT-11: a reader never misses a fault, at whatever moment it is queued.
func TestReadNeverMissesAFault(t *testing.T) {
	seen := outcomes(t, 2000, func(k *fixture) string {
		k.lay("A")
		k.load("f", pg(0))
		r := k.reader("r", k.fds['A'], 32)
		k.settle()
		return r.String() + " " + k.queues('A')
	})
	if !equalKeys(seen, []string{"p0r / f"}) {
		t.Errorf("a fault and a reader end as %v", seen)
	}
}

// READ-10: a fault wakes all readers, newest first. One of them gets the message.
func TestFaultWakesAllReaders(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		var rs []*job
		for _, name := range []string{"r1", "r2", "r3"} {
			rs = append(rs, k.reader(name, k.fds['A'], 32))
			k.settle()
		}
		k.load("f", pg(0))
		k.play(all("f"), all("r3"))
		k.Equal([]string{"r3", "r2", "r1"}, woken(k.steps(k.settle), "f"))
		k.Equal("p0r", rs[2].String(), "the reader that was woken first")
		k.Equal("asleep", rs[0].String())
		k.Equal("asleep", rs[1].String())
		k.load("g", pg(1))
		k.Equal([]string{"r2", "r1"}, woken(k.steps(k.settle), "g"), "the other two stayed in the queue, in order")
	})
}

// READ-10: with as many readers as faults every reader gets one message, its own.
func TestReadersAndFaults(t *testing.T) {
	seen := outcomes(t, 1000, func(k *fixture) string {
		k.lay("AA")
		r1, r2 := k.reader("r1", k.fds['A'], 32), k.reader("r2", k.fds['A'], 32)
		k.load("f0", pg(0))
		k.load("f1", pg(1))
		k.settle()
		got := []string{r1.String(), r2.String()}
		slices.Sort(got)
		return got[0] + " " + got[1]
	})
	if !equalKeys(seen, []string{"p0r p1r"}) {
		t.Errorf("two readers and two faults end as %v", seen)
	}
}

// READ-11: the message is stored without locks held, and the buffer may itself be
// registered: then the reader faults like any other task.
func TestReadIntoRegisteredMemory(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		fd := k.fds['A']
		k.faults(1)
		r := k.start("r", func(t *machine.Task) string {
			n, err := t.Read(fd, pg(1), 32)
			k.EqualValues(32, n)
			return result(err)
		})
		k.settle()
		k.Equal("asleep", r.String())
		k.Equal("r / f0", k.queues('A'))
		k.Equal("p1w", k.read(fd, 32), "another reader can read the reader's fault")
		_, err := k.copyPages(fd, 1, 1, 'x', 0)
		k.NoError(err)
		k.Equal("ok", r.String())
		k.Equal("p0r", messages(k.fetch(pg(1), 32)))
	})
}

// READ-12: a read does not end the fault, and poll counts only the faults that have not
// been read.
func TestReadResolvesNothing(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		fd := k.fds['A']
		k.setFlags(fd, abi.ONonblock)
		fs := k.faults(2)
		k.Equal("p0r", k.read(fd, 32))
		k.Equal(vfs.PollIn, k.poll(fd))
		k.Equal("p1r", k.read(fd, 32))
		k.Equal(vfs.PollEvents(0), k.poll(fd))
		k.Equal("EAGAIN", k.read(fd, 32))
		k.Equal("asleep", fs[0].String())
		k.Equal("asleep", fs[1].String())
		k.False(k.present(0))
	})
}
