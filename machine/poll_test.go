package machine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// With a timeout of zero poll(2) ignores negative descriptors, and returns EINTR if no
// descriptor has events and a signal is pending.
func TestPollWithZeroTimeout(t *testing.T) {
	for name, tc := range map[string]struct {
		fd     int
		signal bool
		events vfs.PollEvents
		want   error
	}{
		"negative":              {fd: -1},
		"not open":              {fd: 7, events: vfs.PollNval},
		"negative, and signal":  {fd: -1, signal: true, want: errno.EINTR},
		"an answer, and signal": {fd: 7, signal: true, events: vfs.PollNval},
	} {
		t.Run(name, func(t *testing.T) {
			exec := &sim.Free{}
			v, known := kernel.Lookup("2015")
			require.True(t, known)
			fds := []vfs.PollFd{{Fd: tc.fd, Events: vfs.PollIn}}
			var n int
			var err error
			machine.New(exec, v).NewProcess().Go("t", func(t *machine.Task) {
				if tc.signal {
					t.Interrupt(sim.SignalOrdinary)
				}
				n, err = t.Poll(fds, false)
			}, nil)
			exec.Wait()
			require.Equal(t, tc.want, err)
			require.Equal(t, tc.events, fds[0].Revents)
			require.Equal(t, tc.events != 0, n == 1)
		})
	}
}

// A file without ->poll is always ready for the requested events.
func TestPollOfFileWithoutPoll(t *testing.T) {
	exec := &sim.Free{}
	p := machine.New(exec, version(t, "2015")).NewProcess()
	p.OpenStd()
	p.Go("t", func(task *machine.Task) {
		fds := []vfs.PollFd{{Fd: 0, Events: vfs.PollIn}, {Fd: 1, Events: 0xffff}, {Fd: 2}}
		n, err := task.Poll(fds, true)
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, vfs.PollIn, fds[0].Revents)
		require.EqualValues(t, 0x145, fds[1].Revents)
		require.Zero(t, fds[2].Revents)
	}, nil)
	exec.Wait()
}
