package uffd_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// sentinel is the initial value of the field that only the kernel writes.
const sentinel = 0x7777

// source maps pages below the arena, fills each with one of the bytes, and returns their
// address.
func (k *fixture) source(fill string) uint64 {
	k.t.Helper()
	at := k.args(len(fill))
	for i := range len(fill) {
		k.poke(at+uint64(i)*page, bytes.Repeat([]byte{fill[i]}, page))
	}
	return at
}

func (k *fixture) copyArg(arg abi.Copy) (abi.Copy, error) {
	k.t.Helper()
	arg.Copy = sentinel
	var err error
	k.do(func(t *machine.Task) { err = t.UffdCopy(k.fds['A'], &arg) })
	return arg, err
}

// COPY-1: the early errors, in order, which do not change the out field.
func TestCopyEarlyErrors(t *testing.T) {
	good := abi.Copy{Dst: pg(0), Src: scratch, Len: page}
	for _, c := range []struct {
		name string
		edit func(*abi.Copy)
	}{
		{"dst unaligned", func(c *abi.Copy) { c.Dst++ }},
		{"len unaligned", func(c *abi.Copy) { c.Len++ }},
		{"len 0", func(c *abi.Copy) { c.Len = 0 }},
		{"dst below the minimum", func(c *abi.Copy) { c.Dst = mm.DefaultMmapMinAddr - page }},
		{"dst beyond the end", func(c *abi.Copy) { c.Dst = mm.TaskSize }},
		{"len beyond the end", func(c *abi.Copy) { c.Len = mm.TaskSize - pg(0) + page }},
		{"src wraps around", func(c *abi.Copy) { c.Src = 1<<64 - page/2 }},
		{"src ends at 0", func(c *abi.Copy) { c.Src = 1<<64 - page }},
		{"mode 2", func(c *abi.Copy) { c.Mode = 2 }},
		{"mode 2 and DONTWAKE", func(c *abi.Copy) { c.Mode = 3 }},
		{"mode of the last bit", func(c *abi.Copy) { c.Mode = 1 << 63 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("A")
				k.source("x")
				arg := good
				c.edit(&arg)
				arg.Copy = sentinel
				answer, err := k.copyArg(arg)
				k.Equal(errno.EINVAL, err)
				k.Equal(arg, answer, "COPY-1: the struct is as it was")
				k.False(k.present(0))
				// These errors precede the lookup of the VMAs, of which there are none
				// here.
				arg.Dst += nowhere - arena
				if c.name != "dst below the minimum" && c.name != "dst beyond the end" {
					_, err = k.copyArg(arg)
					k.Equal(errno.EINVAL, err)
				}
			})
		})
	}
}

// COPY-1: the first 32 bytes must be readable.
func TestCopyUnreadable(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		end := k.source("x") + page
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_COPY, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_COPY, end-24))
		// The 32 readable bytes are all 'x', which is not a valid range.
		k.Equal(errno.EINVAL, k.ioctlAt(k.fds['A'], abi.UFFDIO_COPY, end-32))
	})
}

// COPY-1: the source need not be aligned.
func TestCopyFromUnalignedSource(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		at := k.source("ab")
		_, err := k.copyArg(abi.Copy{Dst: pg(0), Src: at + 1, Len: page})
		k.NoError(err)
		got := k.fetch(pg(0), page)
		k.Equal(append(bytes.Repeat([]byte{'a'}, page-1), 'b'), got)
	})
}

// COPY-2: the range must be in one registered VMA of the right kind. The out field gets
// the errno too.
func TestCopyTargets(t *testing.T) {
	for _, c := range []struct {
		bar      string
		first, n int
		want     error
	}{
		{"", 0, 1, errno.EINVAL},
		{".A", 0, 1, errno.EINVAL},
		{"A.", 1, 1, errno.EINVAL},
		{"-", 0, 1, errno.EINVAL},
		{"s", 0, 1, errno.EINVAL},
		{"AA-", 1, 2, errno.EINVAL},
		{"AA.", 0, 3, errno.EINVAL},
		{"AAB", 0, 3, errno.EINVAL},
		{"A.A", 0, 3, errno.EINVAL},
		{"AA", 0, 2, nil},
		{"BB", 0, 2, nil}, // registered with any context
		{"AA", 1, 1, nil},
	} {
		t.Run(c.bar, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.uffd('A', 0)
				k.lay(c.bar)
				copied, err := k.copyPages(k.fds['A'], c.first, c.n, 'x', 0)
				k.Equal(c.want, err)
				zeroed, zeroErr := k.zeroPages(k.fds['A'], c.first, c.n, 0)
				if c.want == nil {
					k.EqualValues(c.n*page, copied)
					k.Equal(errno.EEXIST, zeroErr)
					return
				}
				k.EqualValues(-int64(errno.EINVAL), copied)
				k.EqualValues(-int64(errno.EINVAL), zeroed)
				k.Equal(c.want, zeroErr)
				for i := range 3 {
					k.False(k.present(i))
				}
			})
		})
	}
}

// COPY-2, COPY-3: an allocation fails, before the first page or after it.
func TestCopyWithoutMemory(t *testing.T) {
	for _, site := range []string{"anon_vma", "pmd_alloc", "pte_alloc", "alloc_page"} {
		t.Run(site, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("AA")
				var arg abi.Copy
				k.do(func(t *machine.Task) {
					arg = abi.Copy{Dst: pg(0), Src: t.Lend(1, make([]byte, page)), Len: page, Copy: sentinel}
					t.InjectFaults(func(s string) bool { return s == site })
					k.Equal(errno.ENOMEM, t.UffdCopy(k.fds['A'], &arg))
				})
				k.EqualValues(-int64(errno.ENOMEM), arg.Copy)
				k.False(k.present(0))
			})
		})
	}
}

// COPY-3, COPY-4: a page that is present is never overwritten.
func TestCopyOntoPages(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("----")
		k.poke(pg(0), []byte{'o'})
		k.peek(pg(1)) // the zero page
		k.poke(pg(2), []byte{'n'})
		k.uffd('A', 0)
		k.NoError(k.register(k.fds['A'], 0, 4))
		k.protect(pg(2), 1, mm.ProtNone)
		for i, want := range []string{"'o'", "0"} {
			copied, err := k.copyPages(k.fds['A'], i, 1, 'x', 0)
			k.Equal(errno.EEXIST, err)
			k.EqualValues(-int64(errno.EEXIST), copied)
			k.Equal(want, k.peek(pg(i)))
		}
		_, err := k.copyPages(k.fds['A'], 2, 1, 'x', 0)
		k.Equal(errno.EEXIST, err, "nor an inaccessible page")
		k.protect(pg(2), 1, rw)
		k.Equal("'n'", k.peek(pg(2)))
	})
}

// COPY-3: a huge page is never overwritten.
func TestCopyOntoHugePage(t *testing.T) {
	each(t, func(k *fixture) {
		k.m.THP = mm.THPAlways
		k.p = k.newProcess()
		k.do(func(t *machine.Task) {
			_, err := t.Mmap(arena, mm.PMDSize, rw, fixed, -1, 0)
			k.NoError(err)
		})
		k.poke(pg(9), []byte{'h'})
		k.NoError(k.register(k.uffd('A', 0), 0, 512))
		copied, err := k.copyPages(k.fds['A'], 3, 1, 'x', 0)
		k.Equal(errno.EEXIST, err)
		k.EqualValues(-int64(errno.EEXIST), copied)
		k.Equal("pmd", k.lastLevel(pg(3)), "it has not been split")
	})
}

// COPY-3: if the source is not present, its page is faulted in with mmap_lock dropped,
// and then the destination is checked from the start.
func TestCopyFromMissingSource(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A.--")
		at := k.args(1) // mapped, never touched
		log := k.steps(func() {
			answer, err := k.copyArg(abi.Copy{Dst: pg(0), Src: at, Len: page})
			k.NoError(err)
			k.EqualValues(page, answer.Copy)
		})
		k.Equal("0", k.peek(pg(0)))
		// The copy, the fault on the source, and the second copy.
		k.inOrder(log, "main", "down_read mm.MmapLock", "up_read mm.MmapLock", "down_read mm.MmapLock",
			"up_read mm.MmapLock", "down_read mm.MmapLock", "up_read mm.MmapLock")

		answer, err := k.copyArg(abi.Copy{Dst: pg(0), Src: nowhere, Len: page})
		k.Equal(errno.EFAULT, err, "COPY-3: before the entry is looked at")
		k.EqualValues(-int64(errno.EFAULT), answer.Copy)
	})
}

// COPY-3: the destination may change in any way while the source is faulted in.
func TestCopyLooksAgain(t *testing.T) {
	changes := map[string]func(k *fixture, t *machine.Task) error{
		"unmapped": func(_ *fixture, t *machine.Task) error { return t.Munmap(pg(1), page) },
		"unregistered": func(k *fixture, t *machine.Task) error {
			return t.UffdUnregister(k.fds['A'], pages(0, 2))
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("AA.B")
				var arg abi.Copy
				w := k.start("w", func(t *machine.Task) string {
					// The source is itself registered: the copier waits for its page.
					arg = abi.Copy{Dst: pg(0), Src: pg(3), Len: page}
					if name == "unmapped" {
						arg.Len = 2 * page // the second is unmapped meanwhile
					}
					return result(t.UffdCopy(k.fds['A'], &arg))
				})
				k.settle()
				k.Equal("asleep", w.String())
				k.Equal("w /", k.queues('B'), "it sleeps without mmap_lock")
				k.do(func(t *machine.Task) { k.NoError(change(k, t)) })
				_, err := k.copyPages(k.fds['B'], 3, 1, 's', 0)
				k.NoError(err)
				k.Equal("EINVAL", w.String(), "the whole destination is checked again")
				k.EqualValues(-int64(errno.EINVAL), arg.Copy)
				k.False(k.present(0))
			})
		})
	}
}

// COPY-4: a page is as writable as its VMA, and a page of a read-only VMA can be filled.
func TestCopyIntoReadOnlyMemory(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("rn-")
		fd := k.uffd('A', 0)
		k.NoError(k.register(fd, 0, 3))
		f := k.load("f", pg(0))
		k.settle()
		for i := range 3 {
			copied, err := k.copyPages(fd, i, 1, 'x', 0)
			k.NoError(err)
			k.EqualValues(page, copied)
		}
		k.Equal("'x'", f.String())
		w := k.store("w", pg(0), 'w')
		k.settle()
		k.Equal("SIGSEGV", w.String())
		k.Equal("'x'", k.peek(pg(0)))
		k.Equal("SIGSEGV", k.peek(pg(1)))
		k.poke(pg(2), []byte{'w'})
		k.Equal("'w'", k.peek(pg(2)))
		k.Equal("/", k.queues('A'))
	})
}

// COPY-5: a fatal signal ends the copy after the current page. Errors after the first
// page are not reported.
func TestCopyStopsEarly(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAAA")
		fd := k.fds['A']
		var arg abi.Copy
		b := make([]byte, abi.CopySize)
		var err error
		at := k.source("abc")
		w := k.start("w", func(t *machine.Task) string {
			arg = abi.Copy{Dst: pg(0), Src: at, Len: 3 * page}
			arg.Encode(b)
			t.Signal(t.Task, sim.SignalFatal)
			// Not through the system call, from which a killed task does not return.
			f := t.Process.Files().File(fd)
			err = f.Ops.Ioctl(t.Task, f, abi.UFFDIO_COPY, t.Lend(0, b))
			return ""
		})
		k.settle()
		k.True(w.ended)
		arg.Decode(b)
		k.Equal(errno.EAGAIN, err)
		k.EqualValues(page, arg.Copy)
		k.True(k.present(0))
		k.False(k.present(1))

		// EEXIST at the second page.
		_, err = k.copyPages(fd, 2, 1, 'o', 0)
		k.NoError(err)
		copied, err := k.copyPages(fd, 1, 3, 'x', 0)
		k.Equal(errno.EAGAIN, err)
		k.EqualValues(page, copied)
		k.Equal("'o'", k.peek(pg(2)))
		k.False(k.present(3))
	})
}

// COPY-5: a source whose mapping ends in the middle also ends the copy.
func TestCopySourceEnds(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAA")
		at := k.source("ab")
		answer, err := k.copyArg(abi.Copy{Dst: pg(0), Src: at, Len: 3 * page})
		k.Equal(errno.EAGAIN, err)
		k.EqualValues(2*page, answer.Copy)
		k.Equal("'b'", k.peek(pg(1)))
		k.False(k.present(2))
	})
}

// COPY-6: EFAULT if the out field cannot be stored. The pages stay installed, and no
// fault is woken.
func TestCopyAnswerUnwritable(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.faults(1)[0]
		at := k.source("ax")
		arg := abi.Copy{Dst: pg(0), Src: at + page, Len: page}
		k.poke(at, encode(&arg, abi.CopySize))
		k.protect(at, 1, mm.ProtRead)
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_COPY, at))
		k.True(k.present(0))
		k.Equal("asleep", f.String())
		k.Equal("f0 /", k.queues('A'))
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.Equal("'x'", f.String())
		// That EFAULT takes precedence over another errno.
		k.Equal(errno.EFAULT, k.ioctlAt(k.fds['A'], abi.UFFDIO_COPY, at))
	})
}

// COPY-7: exactly the faults in the filled pages are woken.
func TestCopyWakes(t *testing.T) {
	for _, c := range []struct {
		name     string
		present  string // pages present before
		first, n int
		mode     uint64
		want     string
		left     string // the faults that still sleep
	}{
		{"one page", "", 1, 1, 0, "ok 1", "f3 f2 f0 /"},
		{"two pages", "", 1, 2, 0, "ok 2", "f3 f0 /"},
		{"all", "", 0, 4, 0, "ok 4", "/"},
		{"DONTWAKE", "", 0, 4, abi.CopyModeDontwake, "ok 4", "f3 f2 f1 f0 /"},
		{"the undone part is not woken", "2", 1, 3, 0, "EAGAIN 1", "f3 f2 f0 /"},
		{"DONTWAKE wakes none of it", "2", 1, 3, abi.CopyModeDontwake, "EAGAIN 1", "f3 f2 f1 f0 /"},
		{"COPY-8 EEXIST wakes no fault", "1", 1, 2, 0, "EEXIST", "f3 f2 f1 f0 /"},
	} {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("AAAA")
				fd := k.fds['A']
				fs := k.faults(4)
				for _, i := range c.present {
					_, err := k.copyPages(fd, int(i-'0'), 1, 'o', abi.CopyModeDontwake)
					k.NoError(err)
				}
				copied, err := k.copyPages(fd, c.first, c.n, 'x', c.mode)
				got := result(err)
				if copied > 0 {
					got += " " + string(rune('0'+copied/page))
				}
				k.Equal(c.want, got)
				k.Equal(c.left, k.queues('A'))
				for i, f := range fs {
					if f.ended {
						k.Equal("'x'", f.String(), "page %d", i)
					}
				}
			})
		})
	}
}

// COPY-7: the wake is by address, so an offset in the page does not matter. The page is
// installed before the wake.
func TestCopyWakesAfterThePage(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		f := k.load("f", pg(0)+0xfff)
		k.settle()
		log := k.steps(func() {
			_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
			k.NoError(err)
		})
		k.inOrder(log, "main", "store pte table.entries[0]", "up_read mm.MmapLock", "smp_mb", "try_to_wake_up f")
		k.Equal("'x'", f.String())
	})
}

// COPY-8: a monitor that gets EEXIST must wake the fault with UFFDIO_WAKE.
func TestExistingPageNeedsAWake(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		f := k.faults(1)[0]
		k.read(fd, 32)
		_, err := k.copyPages(fd, 0, 1, 'x', abi.CopyModeDontwake)
		k.NoError(err)
		_, err = k.copyPages(fd, 0, 1, 'y', 0)
		k.Equal(errno.EEXIST, err)
		k.Equal("/ f0", k.queues('A'))
		k.NoError(k.wake(fd, 0, 1))
		k.Equal("'x'", f.String())
	})
}

// ZERO-1: the zero page is mapped read-only, and a write copies it without a userfault.
func TestZeropage(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("AAAA")
		fd := k.fds['A']
		f := k.faults(3)
		zeroed, err := k.zeroPages(fd, 0, 1, 0)
		k.NoError(err)
		k.EqualValues(page, zeroed)
		k.Equal("0", f[0].String())
		k.Zero(k.m.Memory().InUse(), "the shared zero page and no other")
		k.poke(pg(0), []byte{'w'})
		k.Equal("'w'", k.peek(pg(0)))
		k.EqualValues(1, k.m.Memory().InUse())
		k.Equal("f2 f1 /", k.queues('A'))

		zeroed, err = k.zeroPages(fd, 1, 1, abi.ZeropageModeDontwake)
		k.NoError(err)
		k.EqualValues(page, zeroed)
		k.Equal("asleep", f[1].String())

		zeroed, err = k.zeroPages(fd, 1, 1, 0)
		k.Equal(errno.EEXIST, err)
		k.EqualValues(-int64(errno.EEXIST), zeroed)
		k.Equal("asleep", f[1].String())

		_, err = k.copyPages(fd, 3, 1, 'o', 0)
		k.NoError(err)
		zeroed, err = k.zeroPages(fd, 2, 2, 0)
		k.Equal(errno.EAGAIN, err)
		k.EqualValues(page, zeroed)
		k.Equal("0", f[2].String())
		k.Equal("'o'", k.peek(pg(3)))
	})
}

// ZERO-1: the early errors, and the store of the answer.
func TestZeropageErrors(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("A")
		fd := k.fds['A']
		f := k.faults(1)[0]
		for _, arg := range []abi.Zeropage{
			{Range: abi.Range{Start: pg(0) + 1, Len: page}},
			{Range: abi.Range{Start: pg(0), Len: 0}},
			{Range: abi.Range{Start: 0, Len: page}},
			{Range: pages(0, 1), Mode: 2},
			{Range: pages(0, 1), Mode: 3},
		} {
			arg.Zeropage = sentinel
			b := encode(&arg, abi.ZeropageSize)
			old := bytes.Clone(b)
			k.Equal(errno.EINVAL, k.ioctl(fd, abi.UFFDIO_ZEROPAGE, b))
			k.Equal(old, b)
		}
		end := k.args(1) + page
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_ZEROPAGE, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_ZEROPAGE, end-16))
		k.Equal(errno.EINVAL, k.ioctlAt(fd, abi.UFFDIO_ZEROPAGE, end-24), "the answer's field is not read")
		k.False(k.present(0))

		arg := abi.Zeropage{Range: pages(0, 1)}
		k.poke(end-24, encode(&arg, abi.ZeropageSize)[:24])
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_ZEROPAGE, end-24))
		k.True(k.present(0))
		k.Equal("asleep", f.String())
	})
}

// COPY-7, FAULT-9: two copiers and a fault: one copier succeeds, and the fault ends.
func TestTwoCopiersAndAFault(t *testing.T) {
	seen := outcomes(t, 1000, func(k *fixture) string {
		k.lay("A")
		f := k.load("f", pg(0))
		var ws []*job
		for _, fill := range []byte("xy") {
			ws = append(ws, k.start("w"+string(fill), func(t *machine.Task) string {
				_, err := copyPages(t, k.fds['A'], pages(0, 1), fill, 0)
				return result(err)
			}))
		}
		k.settle()
		return strings.Join([]string{f.String(), ws[0].String(), ws[1].String()}, " ")
	})
	if !equalKeys(seen, []string{"'x' ok EEXIST", "'y' EEXIST ok"}) {
		t.Errorf("outcomes are %v", seen)
	}
}
