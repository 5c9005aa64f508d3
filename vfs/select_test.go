package vfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// polled is a file whose ->poll returns the events in ready.
type polled struct {
	queue sim.WaitQueueHead
	ready sim.Word
}

func newPolled() (*polled, *vfs.File) {
	p := new(polled)
	p.queue.Init(&sim.LockClass{Name: "queue.lock"})
	ops := &vfs.FileOperations{Poll: func(t *sim.Task, _ *vfs.File, pt *vfs.PollTable) vfs.PollEvents {
		vfs.PollWait(t, &p.queue, pt)
		return vfs.PollEvents(p.ready.Load(t))
	}}
	return p, vfs.NewFile("polled", ops, 0, nil)
}

// sleepingPoll starts a task that polls descriptor 0 for PollIn and sleeps on p's queue.
// done settles the machine and reports whether the poll has returned, and its error.
func sleepingPoll(t *testing.T) (p *polled, poller *sim.Task, file *vfs.File, fds []vfs.PollFd, done func() (bool, error)) {
	p, file = newPolled()
	exec, files := new(sim.Free), vfs.NewFDTable(1)
	fd, err := files.GetUnusedFd(sim.Observer(), 0)
	require.NoError(t, err)
	files.FdInstall(sim.Observer(), fd, file)
	fds = []vfs.PollFd{{Fd: fd, Events: vfs.PollIn}}
	var pollErr error
	poller = exec.Go("poller", nil, func(task *sim.Task) {
		_, pollErr = vfs.NewPollWqueues(task).Poll(task, files, fds, true)
	})
	done = func() (bool, error) {
		require.NoError(t, exec.Settle())
		return poller.State() == sim.Dead, pollErr
	}
	ended, _ := done()
	require.False(t, ended)
	require.EqualValues(t, 2, file.Count(), "the entry holds a reference")
	return p, poller, file, fds, done
}

func TestPollSleepsUntilItsEvents(t *testing.T) {
	p, _, file, fds, done := sleepingPoll(t)
	waker := sim.Observer()
	p.queue.WakeUpKey(waker, sim.Normal, sim.Key{Start: uint64(vfs.PollHup)})
	ended, _ := done()
	require.False(t, ended, "nothing is ready")
	p.ready.Store(waker, uint64(vfs.PollIn))
	p.queue.WakeUpKey(waker, sim.Normal, sim.Key{Start: 0x4})
	ended, _ = done()
	require.False(t, ended, "the wake-up is for events that were not requested")
	p.queue.WakeUpKey(waker, sim.Normal, sim.Key{Start: uint64(vfs.PollIn)})
	ended, err := done()
	require.True(t, ended)
	require.NoError(t, err)
	require.Equal(t, vfs.PollIn, fds[0].Revents)
	require.Zero(t, p.queue.Len())
	require.EqualValues(t, 1, file.Count())
}

func TestSignalEndsPoll(t *testing.T) {
	p, poller, file, _, done := sleepingPoll(t)
	poller.Interrupt(sim.SignalOrdinary)
	ended, err := done()
	require.True(t, ended)
	require.Equal(t, errno.EINTR, err)
	require.Zero(t, p.queue.Len())
	require.EqualValues(t, 1, file.Count())
}
