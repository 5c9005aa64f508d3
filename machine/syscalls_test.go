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

// alone runs fn as the only task of a process.
func alone(t *testing.T, fn func(task *machine.Task)) {
	t.Helper()
	exec := &sim.Free{}
	machine.New(exec, version(t, "2015+copy")).NewProcess().Go("t", fn, nil)
	exec.Wait()
}

// read(2) into kernel space fails before the file's operation is called: the error is
// EFAULT even before the handshake, and no message is consumed.
func TestReadIntoKernelHalf(t *testing.T) {
	msg := uint64(abi.MsgSize)
	alone(t, func(task *machine.Task) {
		fd, err := task.Userfaultfd(0)
		require.NoError(t, err)
		for _, buf := range []uint64{mm.TaskSize, -msg, mm.TaskSize - msg + 1} {
			_, err = task.Read(fd, buf, msg)
			require.Equal(t, errno.EFAULT, err, "%#x", buf)
		}
		_, err = task.Read(fd, mm.TaskSize-msg, msg)
		require.Equal(t, errno.EINVAL, err, "the last buffer in user space")
		_, err = task.ReadBytes(fd, make([]byte, msg))
		require.Equal(t, errno.EINVAL, err, "lent memory counts as user space")
	})

	exec := sim.NewControlled(sim.NewRandom(1))
	p := machine.New(exec, version(t, "2015+copy")).NewProcess()
	var fd int
	p.Go("setup", func(task *machine.Task) { fd = registered(t, task, 1) }, nil)
	require.NoError(t, exec.Settle())
	p.Go("fault", func(task *machine.Task) { task.Load(arena, make([]byte, 1)) }, nil)
	require.NoError(t, exec.Settle())
	p.Go("monitor", func(task *machine.Task) {
		_, err := task.Read(fd, mm.TaskSize, msg)
		require.Equal(t, errno.EFAULT, err)
		serve(t, task, fd, 1) // still finds the message
	}, nil)
	require.NoError(t, exec.Settle())
}
