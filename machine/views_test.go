package machine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
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
	p.Go("t1", func(task *machine.Task) { task.Load(0x101000, make([]byte, 1)) }, nil)
	require.NoError(t, exec.Settle())
	return p, exec
}

func TestViews(t *testing.T) {
	p, exec := settledFault(t)
	steps := exec.Steps()
	require.NotNil(t, p.Ctx(3))
	require.Nil(t, p.Ctx(0))
	require.Nil(t, p.Ctx(4))
	require.NoError(t, p.CheckInvariants())
	require.Equal(t, steps, exec.Steps(), "a view takes no visible step")
	require.NoError(t, exec.Settle(), "and releases every lock it takes")
}

// A child inherits the standard descriptors, so the descriptors that it opens start where
// its parent's do.
func TestStdIsInherited(t *testing.T) {
	p, exec := settledFault(t)
	p.Go("main", func(task *machine.Task) {
		child, err := task.Fork()
		require.NoError(t, err)
		require.Equal(t, 4, child.Files().Len())
		require.NotNil(t, child.Files().File(2))
	}, nil)
	require.NoError(t, exec.Settle())
}
