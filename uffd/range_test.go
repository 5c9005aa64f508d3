package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// RANGE-1 to RANGE-6: ranges that every ioctl refuses, whatever is mapped there.
func TestInvalidRanges(t *testing.T) {
	const top = mm.TaskSize
	cases := map[string]abi.Range{
		"RANGE-1 start unaligned":         {Start: arena + 1, Len: page},
		"RANGE-1 start unaligned by half": {Start: arena + page/2, Len: page},
		"RANGE-2 length unaligned":        {Start: arena, Len: page + 1},
		"RANGE-2 length less than a page": {Start: arena, Len: page - 1},
		"RANGE-3 length zero":             {Start: arena, Len: 0},
		"RANGE-4 start zero":              {Start: 0, Len: arena + page},
		"RANGE-4 start a page too low":    {Start: mm.DefaultMmapMinAddr - page, Len: arena + page},
		"RANGE-5 start at the end":        {Start: top, Len: page},
		"RANGE-5 start beyond":            {Start: top + page, Len: page},
		"RANGE-5 start is the last page":  {Start: 1<<64 - page, Len: page},
		"RANGE-6 a page too long":         {Start: arena, Len: top - arena + page},
		"RANGE-6 end wraps around to 0":   {Start: arena, Len: 1<<64 - arena},
		"RANGE-6 end wraps to within":     {Start: arena + page, Len: 1<<64 - page},
		"RANGE-6 length is the maximum":   {Start: arena, Len: 1<<64 - page},
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			each(t, func(k *fixture) {
				k.lay("AA")
				fd := k.fds['A']
				f := k.load("f", pg(0))
				k.settle()
				_, err := k.registerArg(fd, abi.Register{Range: r, Mode: abi.RegisterModeMissing})
				k.Equal(errno.EINVAL, err)
				k.Equal(errno.EINVAL, k.unregisterRange(fd, r))
				k.Equal(errno.EINVAL, k.wakeRange(fd, r))
				k.Equal("AA", k.bar())
				k.Equal("asleep", f.String(), "no fault was woken")
				k.Equal("f /", k.queues('A'))
			})
		})
	}
}

// RANGE-4 to RANGE-6, RANGE-9: the limits themselves are valid, even if nothing is
// mapped.
func TestRangesAtTheLimits(t *testing.T) {
	for _, r := range []abi.Range{
		{Start: mm.DefaultMmapMinAddr, Len: page},
		{Start: mm.TaskSize - page, Len: page},
		{Start: mm.DefaultMmapMinAddr, Len: mm.TaskSize - mm.DefaultMmapMinAddr},
	} {
		only2015(t, func(k *fixture) {
			fd := k.uffd('A', 0)
			k.NoError(k.wakeRange(fd, r))
			// With nothing mapped, the error of register shows that it reached the lookup
			// of the VMAs.
			_, err := k.registerArg(fd, abi.Register{Range: r, Mode: abi.RegisterModeMissing})
			k.Equal(errno.ENOMEM, err)
			k.Equal(errno.ENOMEM, k.unregisterRange(fd, r))
		})
	}
}

// RANGE-7: the limits are those of the creator's address space, for every caller.
func TestRangeIsOfTheContextsMM(t *testing.T) {
	const compat = 0xffffe000
	for _, c := range []struct {
		name           string
		creator, other uint64
		want           error
	}{
		{"a small caller", mm.TaskSize, compat, nil},
		{"a small creator", compat, mm.TaskSize, errno.EINVAL},
	} {
		t.Run(c.name, func(t *testing.T) {
			only2015(t, func(k *fixture) {
				fd := k.uffd('A', 0)
				var child *machine.Process
				k.do(func(t *machine.Task) {
					var err error
					child, err = t.Fork()
					k.NoError(err)
				})
				k.procs = append(k.procs, child)
				k.p.MM.TaskSize, child.MM.TaskSize = c.creator, c.other
				for _, p := range []*machine.Process{k.p, child} {
					k.doIn(p, func(t *machine.Task) {
						r := abi.Range{Start: compat, Len: page}
						k.Equal(c.want, t.UffdWake(fd, r))
						r.Start -= page
						k.NoError(t.UffdWake(fd, r))
					})
				}
			})
		})
	}
}

// RANGE-8: mmap_min_addr is configurable.
func TestMmapMinAddrIsASysctl(t *testing.T) {
	for _, low := range []uint64{page, 4 * page, 1 << 20} {
		only2015(t, func(k *fixture) {
			k.m.MmapMinAddr = low
			k.p = k.newProcess()
			fd := k.uffd('A', 0)
			k.NoError(k.wakeRange(fd, abi.Range{Start: low, Len: page}))
			k.Equal(errno.EINVAL, k.wakeRange(fd, abi.Range{Start: low - page, Len: page}))
		})
	}
}

// RANGE-9: a valid range may be a hole.
func TestRangeWithoutVMAs(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("A..A")
		k.NoError(k.wake(k.fds['A'], 1, 2))
		k.NoError(k.wake(k.fds['A'], 100, 1))
	})
}
