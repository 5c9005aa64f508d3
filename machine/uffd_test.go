package machine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// The typed ioctls decode the struct that the kernel wrote, with an error and without.
func TestTypedIoctlsDecodeWhatTheKernelWrote(t *testing.T) {
	alone(t, func(task *machine.Task) {
		fd, err := task.Userfaultfd(abi.ONonblock)
		require.NoError(t, err)

		api := abi.API{API: 1, Features: 2, Ioctls: 3}
		require.Equal(t, errno.EINVAL, task.UffdAPI(fd, &api))
		require.Zero(t, api, "a refused handshake zeroes the struct")
		api.API = abi.APIVersion
		require.NoError(t, task.UffdAPI(fd, &api))
		require.Equal(t, abi.API{API: abi.APIVersion, Ioctls: abi.MaskAPI | abi.MaskRegister | abi.MaskUnregister}, api)

		const length = 4 * mm.PageSize
		_, err = task.Mmap(arena, length, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
		require.NoError(t, err)
		reg := abi.Register{Range: abi.Range{Start: arena, Len: length}, Ioctls: 1}
		require.Equal(t, errno.EINVAL, task.UffdRegister(fd, &reg), "no mode")
		require.EqualValues(t, 1, reg.Ioctls, "unchanged")
		reg.Mode = abi.RegisterModeMissing
		require.NoError(t, task.UffdRegister(fd, &reg))
		require.Equal(t, abi.MaskWake|abi.MaskCopy|abi.MaskZeropage, reg.Ioctls)

		zero := abi.Zeropage{Range: abi.Range{Start: arena + mm.PageSize, Len: mm.PageSize}}
		require.NoError(t, task.UffdZeropage(fd, &zero))
		require.EqualValues(t, mm.PageSize, zero.Zeropage)
		require.Equal(t, errno.EEXIST, task.UffdZeropage(fd, &zero))
		require.EqualValues(t, -int64(errno.EEXIST), zero.Zeropage)

		c := abi.Copy{Dst: arena, Src: task.Lend(1, make([]byte, length)), Len: length}
		require.Equal(t, errno.EAGAIN, task.UffdCopy(fd, &c), "stops at the zero page")
		require.EqualValues(t, mm.PageSize, c.Copy)
		require.Equal(t, errno.EEXIST, task.UffdCopy(fd, &c))
		require.EqualValues(t, -int64(errno.EEXIST), c.Copy)

		msg, err := task.UffdReadMsg(fd)
		require.Equal(t, errno.EAGAIN, err)
		require.Zero(t, msg)
		require.NoError(t, task.UffdWake(fd, reg.Range))
		require.NoError(t, task.UffdUnregister(fd, reg.Range))
		require.Equal(t, errno.EINVAL, task.UffdUnregister(fd, abi.Range{Start: 1}))
	})
}

// UffdReadMsg returns the message that read(2) delivers, and only a task's first call
// allocates.
func TestTypedIoctlsAllocateNothing(t *testing.T) {
	exec := &sim.Free{}
	p := machine.New(exec, version(t, "2015+copy")).NewProcess()
	main := p.Attach(exec, "main")
	fd := registered(t, main, 2)
	p.Go("fault", func(task *machine.Task) { task.Store(arena+7, []byte{1}) }, nil)
	msg, err := main.UffdReadMsg(fd)
	require.NoError(t, err)
	require.Equal(t, abi.Msg{Event: abi.EventPagefault, Flags: abi.PagefaultFlagWrite, Address: arena + 7}, msg)

	c := abi.Copy{Dst: arena, Src: main.Lend(1, make([]byte, mm.PageSize)), Len: mm.PageSize}
	require.NoError(t, main.UffdCopy(fd, &c))
	exec.Wait()
	require.Zero(t, testing.AllocsPerRun(10, func() {
		if main.UffdCopy(fd, &c) != errno.EEXIST || main.UffdWake(fd, abi.Range{Start: arena, Len: mm.PageSize}) != nil {
			t.Error("unexpected error")
		}
	}))
}
