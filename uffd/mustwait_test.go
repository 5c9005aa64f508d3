package uffd_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// mustWait calls userfaultfd_must_wait's walk with the lock held, as a fault does.
func (k *fixture) mustWait(addr uint64) (wait bool) {
	k.t.Helper()
	k.do(func(t *machine.Task) {
		t.Process.MM.MmapLock.DownRead(t.Task)
		wait = uffd.PageMissing(t.Task, t.Process.MM, addr)
		t.Process.MM.MmapLock.UpRead(t.Task)
	})
	return wait
}

// lastLevel returns the name of the deepest page-table level that a walk to an address
// reaches.
func (k *fixture) lastLevel(addr uint64) string {
	walk := k.p.MM.PageWalk(addr)
	return walk[len(walk)-1].Level
}

// MW-1, MW-3: a page is missing if any level is missing.
func TestMustWaitForMissingLevels(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--")
		k.True(k.mustWait(pg(0)))
		k.Equal("pgd", k.lastLevel(pg(0)))
		k.poke(pg(1), []byte{'x'})
		for _, c := range []struct {
			addr  uint64
			level string
		}{
			{pg(1) + 1<<39, "pgd"},
			{pg(1) + 1<<30, "pud"},
			{pg(1) + 1<<21, "pmd"},
			{pg(0), "pte"},
		} {
			k.Equal(c.level, k.lastLevel(c.addr))
			k.True(k.mustWait(c.addr), c.level)
		}
		k.False(k.mustWait(pg(1)))
		k.False(k.mustWait(pg(1)+0xfff), "the offset in the page does not matter")
	})
}

// MW-2: a huge page counts as a page.
func TestMustNotWaitForHugePages(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.m.THP = mm.THPAlways
		k.p = k.newProcess()
		k.do(func(t *machine.Task) {
			_, err := t.Mmap(arena, 2*mm.PMDSize, rw, fixed, -1, 0)
			k.NoError(err)
		})
		k.poke(arena+5*page, []byte{'x'})
		k.Equal("pmd", k.lastLevel(arena))
		k.False(k.mustWait(arena))
		k.False(k.mustWait(arena + mm.PMDSize - 1))
		k.True(k.mustWait(arena + mm.PMDSize))
	})
}

// MW-4: any entry other than none ends the wait: a page, the zero page, an inaccessible
// page.
func TestMustNotWaitForEntries(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("-----A")
		k.poke(pg(0), []byte{'x'})
		k.peek(pg(1))
		k.poke(pg(2), []byte{'x'})
		k.protect(pg(2), 1, mm.ProtNone)
		k.poke(pg(3), []byte{'x'})
		k.protect(pg(3), 1, mm.ProtRead)
		_, err := k.zeroPages(k.fds['A'], 5, 1, 0)
		k.NoError(err)
		for i, want := range []bool{false, false, false, false, true, false} {
			k.Equal(want, k.mustWait(pg(i)), "page %d", i)
		}
	})
}

// swap stores an entry that the model itself never creates, a swap entry or that of a
// huge page in migration, in the table of the level that covers addr. It removes the
// entry after check.
func (k *fixture) swap(l pgtable.Level, addr uint64, check func()) {
	tb := k.p.MM.PGD()
	for tb.Level() > l {
		tb = tb.Child(tb.Level().Index(addr))
	}
	set := func(entry pgtable.Entry) {
		k.do(func(t *machine.Task) {
			tb.Lock(t.Task)
			tb.Set(t.Task, l.Index(addr), entry)
			tb.Unlock(t.Task)
		})
	}
	set(pgtable.Make(5, pgtable.Accessed))
	check()
	set(0)
}

// MW-4: a swap or migration entry in a pte ends the wait. MW-5: a pmd that is neither
// none nor present does not: the 2015 code waits for a huge page in migration, 4.19 and
// later do not.
func TestMustWaitForMigration(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("--")
		k.poke(pg(0), []byte{'x'})
		k.swap(pgtable.PTE, pg(1), func() { k.False(k.mustWait(pg(1))) })
		k.True(k.mustWait(pg(1)))
		k.swap(pgtable.PMD, pg(0)+mm.PMDSize, func() { k.True(k.mustWait(pg(0) + mm.PMDSize)) })
	})
}

// MW-3: a page that was zapped is missing again.
func TestMustWaitAfterZap(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("-")
		k.poke(pg(0), []byte{'x'})
		k.False(k.mustWait(pg(0)))
		k.do(func(t *machine.Task) { k.NoError(t.Madvise(pg(0), page, mm.MadvDontNeed)) })
		k.True(k.mustWait(pg(0)))
	})
}

// MW-5: the check of a fault reads each level once, because the entry may change in
// between.
func TestMustWaitReadsEachLevelOnce(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		k.load("f", pg(0))
		log := k.steps(k.settle)
		from := slices.Index(log, "f: spin_unlock ctx.faultPendingWqh.Lock")
		to := from + slices.Index(log[from:], "f: up_read mm.MmapLock")
		var loads []string
		for _, step := range log[from:to] {
			if strings.Contains(step, "table.entries") {
				loads = append(loads, step[:strings.Index(step, " table")])
			}
		}
		k.Equal([]string{"f: load pgd", "f: load pud", "f: load pmd", "f: load pte"}, loads)
		k.False(has(log[from+1:to], "f", "lock"), "and no lock is taken")
	})
}

// MW-6: no table is freed during the check: munmap waits for mmap_lock.
func TestMunmapWaitsForTheLook(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0))
		m := k.start("m", func(t *machine.Task) string { return result(t.Munmap(pg(0), page)) })
		k.play(upTo("f", "spin_unlock ctx.faultPendingWqh.Lock"), all("m"), all("f"))
		log := k.steps(k.settle)
		looked := slices.Index(log, "f: up_read mm.MmapLock")
		freed := slices.IndexFunc(log, func(s string) bool { return strings.HasPrefix(s, "m: store pmd table") })
		k.Greater(freed, looked, "%s", strings.Join(log, "\n"))
		k.Equal("ok", m.String())
		k.Equal("asleep", f.String(), "munmap wakes no fault")
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("SIGSEGV", f.String())
	})
}

// MW-6: a zap takes mmap_lock for reading only, so it may run before or after the check.
func TestZapDuringTheLook(t *testing.T) {
	for stop, want := range map[string]string{
		"spin_unlock ctx.faultPendingWqh.Lock": "asleep", // the entry is cleared before the check
		"up_read mm.MmapLock":                  "SIGBUS", // after: the retry finds no page
	} {
		each(t, func(k *fixture) {
			k.lay("A")
			f := k.load("f", pg(0))
			k.start("w", func(t *machine.Task) string {
				_, err := copyPages(t, k.fds['A'], pages(0, 1), 'x', abi.CopyModeDontwake)
				return result(err)
			})
			z := k.start("z", func(t *machine.Task) string { return result(t.Madvise(pg(0), page, mm.MadvDontNeed)) })
			k.play(upTo("f", "spin_lock ctx.faultPendingWqh.Lock"), all("w"), upTo("f", stop), all("z"), all("f"))
			k.settle()
			k.Equal("ok", z.String())
			k.Equal(want, f.String())
		})
	}
}
