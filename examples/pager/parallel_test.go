package pager_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/examples/pager"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// On the free executor the tasks are parallel goroutines: more memory, more processors,
// and the race detector can check the pager's own variables.
func TestInParallel(t *testing.T) {
	const pages, vcpus, servers, start = 512, 8, 2, 0x10000000
	version, ok := kernel.Lookup("6.18")
	require.True(t, ok)
	exec := new(sim.Free)
	process := machine.New(exec, version).NewProcess()
	main := process.Attach(exec, "main")
	fd, err := main.Userfaultfd(0)
	require.NoError(t, err)
	require.NoError(t, main.UffdAPI(fd, &abi.API{API: abi.APIVersion}))
	_, err = main.Mmap(start, pages*pager.PageSize, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
	require.NoError(t, err)
	all := abi.Range{Start: start, Len: pages * pager.PageSize}
	require.NoError(t, main.UffdRegister(fd, &abi.Register{Range: all, Mode: abi.RegisterModeMissing}))

	s := &pager.Snapshot{Start: start, Pages: make([]byte, pages*pager.PageSize)}
	for i := range pages {
		s.Pages[i*pager.PageSize] = byte(i % 251)
	}
	var wrong atomic.Int32
	var serving []*sim.Task
	for range servers {
		serving = append(serving, process.Go("server", func(t *machine.Task) { _ = s.Serve(model{t, fd}) }, func(killed bool) {
			if !killed {
				wrong.Add(1)
			}
		}))
	}
	var busy atomic.Int32
	ended := make(chan struct{})
	end := func(bool) {
		if busy.Add(-1) == 0 {
			close(ended)
		}
	}
	busy.Store(vcpus + 1)
	var prefetched error
	process.Go("prefetcher", func(t *machine.Task) { prefetched = s.Prefetch(model{t, fd}) }, end)
	for i := range vcpus {
		process.Go("vcpu", func(task *machine.Task) {
			order := make([]int, pages)
			for n := range order {
				order[n] = (n*(2*i+1) + i) % pages // a different order for each
			}
			for _, n := range order {
				b := make([]byte, 1)
				if outcome, _ := task.Load(start+uint64(n)*pager.PageSize, b); outcome != mm.Done || b[0] != byte(n%251) {
					wrong.Add(1)
				}
			}
		}, end)
	}
	<-ended
	for _, server := range serving {
		main.Kill(server, sim.SignalFatal)
	}
	exec.Wait()
	require.Zero(t, wrong.Load())
	require.NoError(t, prefetched)
	require.NoError(t, process.CheckInvariants())
}
