package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// POLL-2, POLL-3, POLL-4, POLL-6: the results of poll.
func TestPollAnswers(t *testing.T) {
	for _, c := range []struct {
		rule      string
		handshake bool
		nonblock  bool
		pending   bool
		want      vfs.PollEvents
	}{
		{"POLL-2", false, true, false, vfs.PollErr},
		{"POLL-2", false, true, true, vfs.PollErr},
		{"POLL-2", false, false, true, vfs.PollErr},
		{"POLL-3", true, false, false, vfs.PollErr},
		{"POLL-3", true, false, true, vfs.PollErr},
		{"POLL-4", true, true, false, 0},
		{"POLL-4", true, true, true, vfs.PollIn},
	} {
		t.Run(c.rule, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("-")
				fd := k.open('A', 0)
				k.NoError(k.register(fd, 0, 1))
				if c.handshake {
					_, err := k.api(fd, goodAPI)
					k.NoError(err)
				}
				if c.nonblock {
					k.setFlags(fd, abi.ONonblock)
				}
				if c.pending {
					k.faults(1)
				}
				k.do(func(t *machine.Task) {
					// POLLERR and POLLHUP are reported even if not asked for; POLLHUP
					// never occurs.
					for _, asked := range []vfs.PollEvents{vfs.PollIn, vfs.PollIn | vfs.PollHup, 0xffff} {
						fds := []vfs.PollFd{{Fd: fd, Events: asked}}
						_, err := t.Poll(fds, false)
						k.NoError(err)
						k.Equal(c.want, fds[0].Revents)
					}
				})
			})
		})
	}
}

// POLL-1: the poller joins the queue first, even if the result is POLLERR, and leaves it.
func TestPollJoinsFirst(t *testing.T) {
	for _, handshake := range []bool{false, true} {
		only2015(t, func(k *fixture) {
			fd := k.open('A', 0)
			if handshake {
				_, err := k.api(fd, goodAPI)
				k.NoError(err)
			}
			p := k.poller("p", fd)
			k.inOrder(k.steps(k.settle), "p",
				"spin_lock ctx.fdWqh.Lock", "store ctx.fdWqh.active", "spin_unlock ctx.fdWqh.Lock",
				"load ctx.state",
				"spin_lock ctx.fdWqh.Lock", "store ctx.fdWqh.active", "spin_unlock ctx.fdWqh.Lock")
			k.Equal("POLLERR", p.String())
		})
	}
}

// POLL-4: after joining the queue, a barrier and then a check without the lock.
func TestPollLooks(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', abi.ONonblock)
		p := k.poller("p", fd)
		log := k.steps(k.settle)
		k.inOrder(log, "p", "store ctx.fdWqh.active", "smp_mb", "load ctx.faultPendingWqh.active")
		k.False(has(log, "p", "ctx.faultPendingWqh.Lock"))
		k.False(has(log, "p", "ctx.faultWqh"), "a fault that was read does not count")
		k.Equal("asleep", p.String())
	})
}

// POLL-1, POLL-4: a poller never misses a fault, at whatever moment it is queued.
func TestPollNeverMissesAFault(t *testing.T) {
	seen := outcomes(t, 2000, func(k *fixture) string {
		k.lay("A")
		k.setFlags(k.fds['A'], abi.ONonblock)
		k.load("f", pg(0))
		p := k.poller("p", k.fds['A'])
		k.settle()
		return p.String()
	})
	if !equalKeys(seen, []string{"POLLIN"}) {
		t.Errorf("a fault and a poller end as %v", seen)
	}
}

// POLL-1: a fault wakes all pollers and all readers.
func TestFaultWakesPollers(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		r := k.reader("r", fd, 32) // the file is still blocking
		k.settle()
		k.setFlags(fd, abi.ONonblock)
		p1 := k.poller("p1", fd)
		k.settle()
		p2 := k.poller("p2", fd)
		k.settle()
		k.load("f", pg(0))
		k.play(all("f"), all("p1"), all("p2"))
		k.Equal([]string{"p2", "p1", "r"}, woken(k.steps(k.settle), "f"))
		k.Equal("POLLIN", p1.String())
		k.Equal("POLLIN", p2.String())
		k.Equal("p0r", r.String())
	})
}

// POLL-5: a read may find no message after POLLIN.
func TestPollinIsNoPromise(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		k.setFlags(fd, abi.ONonblock)
		f := k.faults(1)[0]
		k.Equal(vfs.PollIn, k.poll(fd))
		_, err := k.copyPages(fd, 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("'x'", f.String())
		k.Equal("EAGAIN", k.read(fd, 32))
		k.Equal(vfs.PollEvents(0), k.poll(fd))
	})
}

// POLL-6, REL-13: close does not end a poll with POLLHUP: poll holds the file, which is
// released when poll returns.
func TestCloseDuringPoll(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		ctx := k.ctxs['A']
		k.setFlags(k.fds['A'], abi.ONonblock)
		p := k.poller("p", k.fds['A'])
		k.settle()
		k.close(k.fds['A'])
		k.Equal("asleep", p.String())
		k.False(ctx.Released())
		f := k.load("f", pg(0))
		k.settle()
		k.Equal("POLLNVAL", p.String(), "the descriptor is no longer open")
		k.True(ctx.Freed())
		k.Equal("0", f.String())
	})
}
