package uffd_test

import (
	"bytes"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// UNREG-1: EFAULT for the argument takes precedence.
func TestUnregisterUnreadable(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		end := k.args(1) + page
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_UNREGISTER, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_UNREGISTER, end-8))
		k.Equal("AA", k.bar())
	})
}

// UNREG-1: then the range is checked, then the VMAs, lowest first. After an error nothing
// has changed.
func TestUnregisterRefusals(t *testing.T) {
	for _, c := range []struct {
		bar      string
		first, n int
		want     error
	}{
		{"AA", 0, 0, errno.EINVAL},
		{"", 0, 0, errno.EINVAL},
		{"", 0, 1, errno.ENOMEM},
		{"AA", 2, 1, errno.ENOMEM},
		{"..AA", 0, 2, errno.EINVAL},
		{"...AA", 0, 2, errno.EINVAL},
		{"..ss", 0, 2, errno.EINVAL},
		{"s", 0, 1, errno.EINVAL},
		{"AAs", 0, 3, errno.EINVAL},
		{"AA.-.s", 0, 6, errno.EINVAL},
		{"sAA", 0, 3, errno.EINVAL},
		{"BBs", 0, 3, errno.EINVAL},
	} {
		t.Run(c.bar, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				before := k.bar()
				k.Equal(c.want, k.unregister(k.fds['A'], c.first, c.n))
				k.Equal(before, k.bar())
			})
		})
	}
}

// The maps after an unregister, with the maps before it.
func TestUnregisterMaps(t *testing.T) {
	for _, c := range []struct {
		rule     string
		bar      string
		first, n int
		want     string
	}{
		{"UNREG-2 another context's", "BBBB", 0, 4, "----"},
		{"UNREG-2 a part of another context's", "BBBB", 1, 2, "B|--|B"},
		{"UNREG-2 several contexts'", "AABBCC", 1, 4, "A|----|C"},
		{"UNREG-3 nothing registered", "----", 1, 2, "----"},
		{"UNREG-3 a plain VMA is skipped", "A.-.A", 0, 5, "-.-.-"},
		{"UNREG-3 and becomes the predecessor", "--AA", 0, 4, "----"},
		{"UNREG-3 skipped from its middle", "--AA", 1, 3, "----"},
		{"UNREG-3 in between", "AA--AA", 0, 6, "------"},
		{"UNREG-5 the middle", "AAAA", 1, 2, "A|--|A"},
		{"UNREG-5 the front", "AAAA", 0, 2, "--|AA"},
		{"UNREG-5 the end", "AAAA", 2, 2, "AA|--"},
		{"UNREG-5 merges with the left", "--AA", 2, 2, "----"},
		{"UNREG-5 merges with the left, the front only", "--AA", 2, 1, "---|A"},
		{"UNREG-5 merges with the right", "AA--", 0, 2, "----"},
		{"UNREG-5 merges with both", "--AA--", 2, 2, "------"},
		{"UNREG-5 does not merge with other rights", "rAAr", 1, 2, "r|--|r"},
		{"UNREG-5 holes", ".AA.AA.", 0, 7, ".--.--."},
		{"UNREG-5 cuts at both sides of a hole", "AA.AA", 1, 3, "A|-.-|A"},
		{"UNREG-5 the tail misses its merge (REG-16)", "AAAA--", 2, 2, "AA|--|--"},
		{"UNREG-5 the tail and more", "AAAA--", 2, 4, "AA|--|--"},
		{"UNREG-5 ends in a hole", "AA..A", 1, 3, "A|-..A"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				k.NoError(k.unregister(k.fds['A'], c.first, c.n))
				k.Equal(c.want, k.bar())
			})
		})
	}
}

// UNREG-5: the VMA loses both userfault flags and no other flag.
func TestUnregisterFlags(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("-")
		old := k.vma(0).Flags | mm.VMSeqRead
		fd := k.uffd('A', 0)
		k.NoError(k.register(fd, 0, 1))
		k.edit(0, func(v *mm.VMA) { v.Flags |= mm.VMSeqRead | mm.VMUffdWP })
		k.NoError(k.unregister(fd, 0, 1))
		k.Equal(old, k.vma(0).Flags)
		k.Nil(k.vma(0).Userfault)
	})
}

// UNREG-5: a split that fails ends the unregister, and the lower part stays unregistered.
func TestUnregisterPartialProgress(t *testing.T) {
	for _, c := range []struct {
		bar      string
		first, n int
		spare    int
		want     string
	}{
		{"AAAA", 1, 2, 0, "AAAA"},
		{"AAAA", 1, 2, 1, "A|AAA"},
		{"AA.AAAA", 0, 5, 0, "--.AAAA"},
		{"AA.AAAA", 1, 4, 1, "A|-.AAAA"},
	} {
		t.Run(c.bar, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay(c.bar)
				k.p.MM.MaxMapCount = len(procfs.Maps(k.p.MM)) + c.spare
				k.Equal(errno.ENOMEM, k.unregister(k.fds['A'], c.first, c.n))
				k.Equal(c.want, k.bar())
			})
		})
	}
}

// UNREG-1, UNREG-5: mmap_lock is held for writing, and no signal ends the wait for it.
func TestUnregisterTakesMmapLock(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		reg := k.start("reg", func(t *machine.Task) string {
			return result(t.UffdUnregister(k.fds['A'], pages(0, 2)))
		})
		k.start("h", func(t *machine.Task) string {
			t.Process.MM.MmapLock.DownRead(t.Task)
			t.Process.MM.MmapLock.UpRead(t.Task)
			return ""
		})
		k.start("s", func(t *machine.Task) string { t.Kill(reg.task, sim.SignalOrdinary); return "" })
		k.play(upTo("h", "up_read mm.MmapLock"), all("reg"), all("s"), all("reg"))
		k.inOrder(k.steps(k.settle), "reg", "down_write mm.MmapLock", "up_write mm.MmapLock")
		k.Equal("ok", reg.String())
		k.Equal("--", k.bar())
	})
}

// UNREG-4: no fault is woken. After a later wake, by UFFDIO_WAKE or close, the retry
// finds a plain VMA and gets a page.
func TestUnregisterDoesNotWake(t *testing.T) {
	ends := map[string]func(k *fixture){
		"wake":  func(k *fixture) { k.NoError(k.wake(k.fds['A'], 0, 4)) },
		"close": func(k *fixture) { k.close(k.fds['A']) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				k.lay("AAAA")
				r := k.load("r", pg(0))
				k.settle()
				k.Equal("p0r", k.read(k.fds['A'], 32))
				w := k.store("w", pg(1), 'w')
				k.settle()
				k.NoError(k.unregister(k.fds['A'], 0, 4))
				k.Equal("asleep", r.String())
				k.Equal("asleep", w.String())
				k.Equal("w / r", k.queues('A'))
				k.Equal("0", k.peek(pg(2)), "a new access is a plain fault")
				end(k)
				k.Equal("0", r.String())
				k.Equal("stored", w.String())
				k.Equal("/", k.queues('A'))
				k.Equal("'w'", k.peek(pg(1)))
			})
		})
	}
}

// UNREG-6: the argument is not written to, and pages stay.
func TestUnregisterWritesNothing(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AA")
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		r := pages(0, 2)
		b := append(encode(&r, abi.RangeSize), bytes.Repeat([]byte{0xee}, 16)...)
		at := k.readOnlyArg(b)
		k.NoError(k.ioctlAt(k.fds['A'], abi.UFFDIO_UNREGISTER, at))
		k.Equal(b, k.fetch(at, len(b)))
		k.True(k.present(0))
		k.False(k.present(1))
		k.Equal("'x'", k.peek(pg(0)))
	})
}
