package machine_test

import (
	"runtime"
	"testing"
	"weak"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Exit drops the address space before it closes the descriptors. The release of the
// userfaultfd therefore needs the context's own reference to the address space; without
// it, the release is a use after free.
func TestExitDropsTheAddressSpaceFirst(t *testing.T) {
	for _, pinned := range []bool{true, false} {
		exec := sim.NewControlled(sim.NewRandom(1))
		v, known := kernel.Lookup("2015+copy")
		require.True(t, known)
		m := machine.New(exec, v)
		if !pinned {
			m.Dropped = m.Dropped.With(uffd.PinMM)
		}
		m.NewProcess().Go("t", func(t *machine.Task) {
			fd, _ := t.Userfaultfd(0)
			_, _ = t.Mmap(0x200000, 4*mm.PageSize, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
			all := abi.Range{Start: 0x200000, Len: 4 * mm.PageSize}
			_ = t.UffdRegister(fd, &abi.Register{Range: all, Mode: abi.RegisterModeMissing})
			t.Exit()
		}, nil)
		err := exec.Settle()
		if pinned {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, "use after free")
		}
	}
}

// The Go memory that a task has lent is not reachable after the task has ended.
func TestLoansEndWithTheTask(t *testing.T) {
	exec := sim.NewControlled(sim.NewRandom(1))
	v, known := kernel.Lookup("2015+copy")
	require.True(t, known)
	p := machine.New(exec, v).NewProcess()
	var lent []weak.Pointer[[1 << 16]byte]
	for range 10 {
		p.Go("t", func(t *machine.Task) {
			for pane := range 2 {
				mem := new([1 << 16]byte)
				lent = append(lent, weak.Make(mem))
				t.Lend(pane, mem[:])
			}
		}, nil)
		require.NoError(t, exec.Settle())
	}
	runtime.GC()
	kept := 0
	for _, mem := range lent {
		if mem.Value() != nil {
			kept++
		}
	}
	require.Zero(t, kept)
	runtime.KeepAlive(p)
}

// Processes forked at the same time have different PIDs.
func TestForksInParallel(t *testing.T) {
	exec := &sim.Free{}
	v, known := kernel.Lookup("2015+copy")
	require.True(t, known)
	m := machine.New(exec, v)
	p := m.NewProcess()
	pids := make(chan int, 8)
	for range cap(pids) {
		p.Go("t", func(t *machine.Task) {
			if child, err := t.Fork(); err == nil {
				pids <- child.PID
			}
		}, nil)
	}
	exec.Wait()
	close(pids)
	seen := map[int]bool{}
	for pid := range pids {
		require.False(t, seen[pid], "PID %d twice", pid)
		seen[pid] = true
	}
	require.Len(t, seen, cap(pids))
}

// If the parent is killed during fork, the child is freed: it would never run, and would
// keep the parent's files and pages.
func TestKilledForkLeavesNothing(t *testing.T) {
	exec := &sim.Free{}
	m := machine.New(exec, version(t, "2015+copy"))
	p := m.NewProcess()
	var ctx *uffd.Ctx
	var dead bool
	p.Go("t", func(task *machine.Task) {
		ctx = p.Ctx(registered(t, task, 1))
		task.Interrupt(sim.SignalFatal)
		_, _ = task.Fork()
	}, func(killed bool) { dead = killed })
	exec.Wait()
	require.True(t, dead)
	require.EqualValues(t, 1, p.Files().File(0).Count())
	p.Go("exit", func(task *machine.Task) { task.Exit() }, nil)
	exec.Wait()
	require.True(t, ctx.Freed())
	require.Zero(t, m.Memory().InUse())
}
