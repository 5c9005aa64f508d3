package procfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// settledFault returns a process with four pages registered at 0x100000 and a task that
// sleeps in a fault on the second page.
func settledFault(t *testing.T) (*machine.Process, *sim.Controlled) {
	t.Helper()
	exec := sim.NewControlled(sim.NewRandom(1))
	version, ok := kernel.Lookup("2015+copy")
	require.True(t, ok)
	p := machine.New(exec, version).NewProcess()
	p.OpenStd()
	p.Go("main", func(task *machine.Task) {
		fd, err := task.Userfaultfd(0)
		require.NoError(t, err)
		_, err = task.Mmap(0x100000, 4*mm.PageSize, mm.ProtRead, mm.MapPrivate|mm.MapAnonymous, -1, 0)
		require.NoError(t, err)
		_, err = task.Mmap(0x200000, mm.PageSize, mm.ProtRead, mm.MapShared|mm.MapAnonymous|mm.MapFixed, -1, 0)
		require.NoError(t, err)
		r := abi.Register{Range: abi.Range{Start: 0x100000, Len: 4 * mm.PageSize}, Mode: abi.RegisterModeMissing}
		require.NoError(t, task.UffdRegister(fd, &r))
	}, nil)
	require.NoError(t, exec.Settle())
	p.Go("filler", func(task *machine.Task) {
		// Map the zero page at the first and the third page; t1 faults on the second.
		for _, start := range []uint64{0x100000, 0x102000} {
			z := abi.Zeropage{Range: abi.Range{Start: start, Len: mm.PageSize}}
			require.NoError(t, task.UffdZeropage(3, &z))
		}
	}, nil)
	require.NoError(t, exec.Settle())
	p.Go("t1", func(task *machine.Task) { task.Load(0x101000, make([]byte, 1)) }, nil)
	require.NoError(t, exec.Settle())
	return p, exec
}

func TestViews(t *testing.T) {
	p, exec := settledFault(t)
	steps := exec.Steps()
	ctx := p.Ctx(3)
	require.NotNil(t, ctx)
	require.Equal(t, []procfs.Mapping{
		{Start: 0x100000, End: 0x104000, Prot: "r--p", Ctx: ctx, Modes: "missing"},
		{Start: 0x200000, End: 0x201000, Prot: "r--s", Kind: "shmem"},
	}, procfs.Maps(p.MM))

	info, err := procfs.Fdinfo(p.Files(), 3)
	require.NoError(t, err)
	require.Equal(t, "pending:\t1\ntotal:\t1\nAPI:\taa:0:800000000000001f\n", info) // FDINFO-1
	info, err = procfs.Fdinfo(p.Files(), 0)
	require.NoError(t, err)
	require.Empty(t, info)
	_, err = procfs.Fdinfo(p.Files(), 4)
	require.Equal(t, errno.ENOENT, err)

	require.Equal(t, []bool{true, false, true}, procfs.Present(p.MM, 0x100000, 3))
	require.Equal(t, steps, exec.Steps(), "a view takes no visible step")
	require.NoError(t, exec.Settle(), "and releases every lock it takes")
}

func TestMem(t *testing.T) {
	p, exec := settledFault(t)
	p.Go("writer", func(task *machine.Task) {
		require.NoError(t, task.Mprotect(0x102000, mm.PageSize, mm.ProtRead|mm.ProtWrite))
		task.Store(0x102ffe, []byte("ab"))
	}, nil)
	require.NoError(t, exec.Settle())
	buf := make([]byte, 4)
	for _, want := range []struct {
		addr uint64
		page procfs.Page
		text string
	}{
		{0x100ffd, procfs.PageZero, "\x00\x00\x00"}, // up to the end of the page
		{0x101000, procfs.PageNone, ""},
		{0x102ffe, procfs.PagePresent, "ab"},
		{0x40000000, procfs.PageNone, ""}, // no page table
		{1 << 63, procfs.PageNone, ""},
	} {
		page, n := procfs.Mem(p.MM, want.addr, buf)
		require.Equal(t, want.page, page, "%#x", want.addr)
		require.Equal(t, want.text, string(buf[:n]), "%#x", want.addr)
	}
}
