package uffd_test

import (
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// QUEUE-1, QUEUE-2, QUEUE-3: faults are added at the head and read from the tail, and a
// wake walks from head to tail.
func TestQueueEnds(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AAAA")
		k.faults(4)
		k.Equal("f3 f2 f1 f0 /", k.queues('A'))
		k.read(k.fds['A'], 64)
		k.Equal("f3 f2 / f1 f0", k.queues('A'))
		log := k.steps(func() { k.NoError(k.wake(k.fds['A'], 0, 4)) })
		k.Equal([]string{"f3", "f2", "f1", "f0"}, woken(log, "main"))
	})
}

// QUEUE-1: the queues hold the messages of the queued faults.
func TestQueueContents(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		k.load("f0", pg(0)+7)
		k.settle()
		k.store("f1", pg(1)+9, 'x')
		k.settle()
		k.read(k.fds['A'], 32)
		pending, seen := k.ctxs['A'].Queues()
		k.Equal([]uffd.Waiter{{Task: "f1", Address: pg(1) + 9, Flags: abi.PagefaultFlagWrite}}, pending)
		k.Equal([]uffd.Waiter{{Task: "f0", Address: pg(0) + 7}}, seen)
	})
}

// QUEUE-4: while a reader moves an entry and the entry is in neither queue, its killed
// task must not conclude that a waker removed it: the task would return, and the reader
// would link a dead entry.
func TestKillDuringRefile(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		k.settle()
		r := k.reader("r", k.fds['A'], 32)
		k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
		refile := func(step string) bool { return strings.HasSuffix(step, "store ctx.faultPendingWqh.active") }
		k.play(upTo("r", "spin_lock ctx.faultPendingWqh.Lock"), scene{"r", refile}, all("s"),
			// The first store removes the entry; the second links it into the other
			// queue.
			upTo("r", "store f's entry.wq.link"), all("f"))
		log := k.steps(k.settle)
		k.inOrder(log, "f", "load f's entry.wq.link", "spin_lock ctx.faultPendingWqh.Lock")
		k.Equal("p0r", r.String())
		k.Equal("killed", f.String())
		k.Equal("/", k.queues('A'))
	})
}

// QUEUE-4, QUEUE-5, QUEUE-6, QUEUE-8: a fault is killed while readers, wakers or a close
// run. No entry is left behind, and no dead entry is accessed (the model panics if one
// is).
func TestKilledFaultAgainstEverybody(t *testing.T) {
	others := map[string]func(k *fixture){
		"reader": func(k *fixture) { k.reader("r", k.fds['A'], 32) },
		"waker":  func(k *fixture) { k.startWake("w", 'A', 0, 1) },
		"close":  func(k *fixture) { k.start("c", func(t *machine.Task) string { return result(t.Close(k.fds['A'])) }) },
		"reader and waker": func(k *fixture) {
			k.reader("r", k.fds['A'], 32)
			k.startWake("w", 'A', 0, 1)
		},
	}
	for name, other := range others {
		t.Run(name, func(t *testing.T) {
			seen := outcomes(t, 600, func(k *fixture) string {
				k.lay("A")
				f := k.load("f", pg(0))
				k.settle()
				k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
				other(k)
				k.settle()
				k.LessOrEqual(k.ctxs['A'].Refs(), uint64(1))
				return f.String() + " " + k.queues('A')
			})
			for outcome := range seen {
				switch outcome {
				case "killed /", "SIGBUS /", "0 /": // the wake or the close may be first
				default:
					t.Errorf("outcome %q", outcome)
				}
			}
			if seen["killed /"] == 0 {
				t.Errorf("the signal was never first: %v", seen)
			}
		})
	}
}

// QUEUE-4, QUEUE-7, QUEUE-8: the same set-ups find the bug if the rule is dropped, so
// they cover it.
func TestDroppedQueueRulesAreFound(t *testing.T) {
	for _, r := range []rule.Rule{uffd.PlainDeleteAtRefile, uffd.UnlinkOwnEntry, uffd.PutAfterUnlink} {
		t.Run(uffd.RuleInfo(r).Name, func(t *testing.T) {
			found := 0
			for seed := range uint64(5000) {
				k := newFixture(t, "2015", seed)
				k.m.Dropped = rule.Of(r)
				k.lay("A")
				f := k.load("f", pg(0))
				k.settle()
				k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
				k.reader("r", k.fds['A'], 32)
				k.start("c", func(t *machine.Task) string { return result(t.Close(k.fds['A'])) })
				if k.exec.Settle() != nil {
					found++
				}
				k.exec.Stop()
				if found > 0 {
					return
				}
			}
			if found == 0 {
				t.Error("no interleaving shows the bug")
			}
		})
	}
}

// QUEUE-7: both queues change only under the lock of the pending queue, and the other
// queue's own lock is never taken.
func TestPendingLockGuardsBothQueues(t *testing.T) {
	for seed := range uint64(100) {
		k := newFixture(t, "2015+copy", seed)
		holder := ""
		for _, step := range k.workload() {
			task, what, _ := strings.Cut(step, ": ")
			k.NotContains(what, "ctx.faultWqh.Lock")
			switch {
			case strings.HasSuffix(what, "spin_lock ctx.faultPendingWqh.Lock"):
				k.Empty(holder)
				holder = task
			case strings.HasSuffix(what, "spin_unlock ctx.faultPendingWqh.Lock"):
				k.Equal(holder, task)
				holder = ""
			case strings.HasPrefix(what, "store") && (strings.Contains(what, "ctx.faultPendingWqh") ||
				strings.Contains(what, "ctx.faultWqh") || strings.Contains(what, "entry.wq.link")):
				k.Equal(holder, task, step)
			}
		}
		k.exec.Stop()
	}
}

// workload runs every operation that takes a lock concurrently, and returns the steps.
func (k *fixture) workload() []string {
	k.t.Helper()
	k.lay("AAAA")
	fd := k.fds['A']
	var log []string
	log = append(log, k.steps(func() {
		f := k.load("f0", pg(0))
		k.store("f1", pg(1), 'x')
		k.load("f2", pg(1))
		k.reader("r0", fd, 32)
		k.reader("r1", fd, 64)
		k.poller("p", fd)
		k.start("w", func(t *machine.Task) string {
			_, err := copyPages(t, fd, pages(0, 1), 'x', 0)
			return result(err)
		})
		k.startWake("w1", 'A', 1, 1)
		k.start("s", func(t *machine.Task) string { t.Kill(f.task, sim.SignalFatal); return "" })
		k.start("m", func(t *machine.Task) string { return result(t.Munmap(pg(3), page)) })
		k.start("u", func(t *machine.Task) string {
			return result(t.UffdUnregister(fd, pages(2, 1)))
		})
		k.settle()
	})...)
	return append(log, k.steps(func() { k.close(fd) })...)
}
