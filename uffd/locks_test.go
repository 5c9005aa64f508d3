package uffd_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

const (
	mmapLock    = "mm.MmapLock"
	fdLock      = "ctx.fdWqh.Lock"
	pendingLock = "ctx.faultPendingWqh.Lock"
)

// LOCK-1 to LOCK-5: records, in many interleavings of everything that takes a lock, which
// locks are held when another lock is taken, and asserts that no task sleeps with a
// spinlock held.
func TestLockOrder(t *testing.T) {
	nested := map[string]bool{} // "outer → inner"
	for seed := range uint64(200) {
		k := newFixture(t, "2015+copy", seed)
		held := map[string][]string{}
		for _, step := range k.workload() {
			task, what, _ := strings.Cut(step, ": ")
			op, lock, _ := strings.Cut(what, " ")
			switch op {
			case "spin_lock", "down_read", "down_write":
				if slices.Contains(held[task], lock) {
					continue // it waited for the semaphore, and now holds it
				}
				for _, outer := range held[task] {
					nested[outer+" → "+lock] = true
				}
				held[task] = append(held[task], lock)
			case "spin_unlock", "up_read", "up_write":
				i := slices.Index(held[task], lock)
				k.GreaterOrEqual(i, 0, step)
				held[task] = slices.Delete(held[task], i, i+1)
			case "schedule":
				k.Empty(held[task], "LOCK-4: %s", step)
			case "load", "store":
				// LOCK-4: no user copy, and so no page-table access, with a queue's lock
				// held.
				if strings.Contains(what, "table.entries") {
					k.NotContains(held[task], pendingLock, step)
					k.NotContains(held[task], fdLock, step)
				}
			}
		}
		k.exec.Stop()
	}
	for pair, want := range map[string]bool{
		mmapLock + " → " + pendingLock: true,  // LOCK-1: a fault joins the queue
		pendingLock + " → " + mmapLock: false, //
		fdLock + " → " + pendingLock:   true,  // LOCK-2: a reader checks for a fault
		pendingLock + " → " + fdLock:   false, // LOCK-3
		fdLock + " → " + mmapLock:      false, // LOCK-4
		mmapLock + " → " + fdLock:      false, // FAULT-11: a fault wakes the readers without it
	} {
		if nested[pair] != want {
			t.Errorf("%s: seen is %v, want %v", pair, nested[pair], want)
		}
	}
}

// LOCK-5: release drops mmap_lock before it takes the queues' lock.
func TestReleaseTakesLocksOneAfterAnother(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.faults(1)
		log := k.steps(func() { k.close(k.fds['A']) })
		k.inOrder(log, "main", "down_write mm.MmapLock", "up_write mm.MmapLock", "spin_lock "+pendingLock)
	})
}

// LOCK-3: a fault that wakes the readers with its queue's lock held deadlocks, or at
// least takes a lock out of order.
func TestWakingReadersUnderTheLockIsFound(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.m.Dropped = rule.Of(uffd.WakeReadersUnlocked)
		k.lay("A")
		k.reader("r", k.fds['A'], 32)
		k.load("f", pg(0))
		k.Error(k.exec.Settle())
		k.procs, k.ctxs = nil, nil
	})
}
