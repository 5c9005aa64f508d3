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

const arena = 0x100000

// registered maps the given number of pages at arena, registers them with a new
// userfaultfd, and returns its descriptor.
func registered(t *testing.T, task *machine.Task, pages uint64) int {
	fd, err := task.Userfaultfd(0)
	require.NoError(t, err)
	require.NoError(t, task.UffdAPI(fd, &abi.API{API: abi.APIVersion}))
	at, err := task.Mmap(arena, pages*mm.PageSize, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
	require.NoError(t, err)
	require.EqualValues(t, arena, at)
	reg := abi.Register{Range: abi.Range{Start: arena, Len: pages * mm.PageSize}, Mode: abi.RegisterModeMissing}
	require.NoError(t, task.UffdRegister(fd, &reg))
	return fd
}

// serve reads and resolves n faults. It copies a page that begins with the page's number.
func serve(t *testing.T, task *machine.Task, fd, n int) {
	page := make([]byte, mm.PageSize)
	for range n {
		msg, err := task.UffdReadMsg(fd)
		require.NoError(t, err)
		dst := msg.Address & mm.PageMask
		page[0] = byte((dst - arena) >> mm.PageShift)
		require.NoError(t, task.UffdCopy(fd, &abi.Copy{Dst: dst, Src: task.Lend(1, page), Len: mm.PageSize}))
	}
}

func version(t *testing.T, name string) kernel.Profile {
	v, ok := kernel.Lookup(name)
	require.True(t, ok)
	return v
}

// On both executors a fault runs from the access through read and UFFDIO_COPY to the
// wake-up, and the task loads the byte that was copied.
func TestFaultFromTouchToWakeUp(t *testing.T) {
	const pages = 8
	for name, exec := range map[string]sim.Executor{
		"free":       &sim.Free{},
		"controlled": sim.NewControlled(sim.NewRandom(1)),
	} {
		t.Run(name, func(t *testing.T) {
			m := machine.New(exec, version(t, "2015+copy"))
			p := m.NewProcess()
			var fd int
			p.Go("setup", func(task *machine.Task) { fd = registered(t, task, pages) }, nil)
			require.NoError(t, exec.Settle())
			loaded := make([]byte, pages)
			for i := range loaded {
				p.Go("fault", func(task *machine.Task) {
					outcome, _ := task.Load(arena+uint64(i)*mm.PageSize, loaded[i:i+1])
					require.Equal(t, mm.Done, outcome)
				}, nil)
			}
			p.Go("monitor", func(task *machine.Task) { serve(t, task, fd, pages) }, nil)
			require.NoError(t, exec.Settle())
			require.Equal(t, []byte{0, 1, 2, 3, 4, 5, 6, 7}, loaded)
			p.Go("end", func(task *machine.Task) { task.Exit() }, nil)
			require.NoError(t, exec.Settle())
			require.Zero(t, m.Memory().InUse())
		})
	}
}
