package uffd_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// sleepers formats the faults of a queue: "t1@0x101000".
func sleepers(queue []uffd.Waiter) (names []string) {
	for _, w := range queue {
		names = append(names, fmt.Sprintf("%s@%#x", w.Task, w.Address))
	}
	return names
}

// Runs a fault one stage at a time, and prints the context's two queues after each stage.
func Example() {
	profile, _ := kernel.Lookup("6.18")
	exec := sim.NewControlled(sim.NewRandom(1)) // one task at a time, so every run is the same
	process := machine.New(exec, profile).NewProcess()
	var fd int
	loaded := "nothing"

	// stage starts a task, and returns when every task sleeps or has ended.
	stage := func(name string, fn func(t *machine.Task) error) {
		var err error
		process.Go(name, func(t *machine.Task) { err = fn(t) }, nil)
		if bug := exec.Settle(); bug != nil {
			panic(bug)
		}
		pending, read := process.Ctx(fd).Queues()
		fmt.Printf("%-8s %v pending=%v read=%v loaded=%v\n", name, err, sleepers(pending), sleepers(read), loaded)
	}

	all := abi.Range{Start: 0x100000, Len: 4 * mm.PageSize}
	stage("register", func(t *machine.Task) (err error) {
		if fd, err = t.Userfaultfd(0); err != nil {
			return err
		}
		if err = t.UffdAPI(fd, &abi.API{API: abi.APIVersion}); err != nil {
			return err
		}
		const flags = mm.MapPrivate | mm.MapAnonymous | mm.MapFixed
		if _, err = t.Mmap(all.Start, all.Len, mm.ProtRead|mm.ProtWrite, flags, -1, 0); err != nil {
			return err
		}
		return t.UffdRegister(fd, &abi.Register{Range: all, Mode: abi.RegisterModeMissing})
	})
	stage("t1", func(t *machine.Task) error {
		var b [1]byte
		t.Load(0x101000, b[:]) // sleeps until the last stage
		loaded = string(b[:])
		return nil
	})
	stage("read", func(t *machine.Task) error {
		_, err := t.UffdReadMsg(fd)
		return err
	})
	stage("copy", func(t *machine.Task) error {
		page := make([]byte, mm.PageSize)
		page[0] = 'A'
		return t.UffdCopy(fd, &abi.Copy{
			Dst:  0x101000,
			Src:  t.Lend(1, page), // Go memory behind a user pointer
			Len:  mm.PageSize,
			Mode: abi.CopyModeDontwake,
		})
	})
	stage("wake", func(t *machine.Task) error { return t.UffdWake(fd, all) })

	// Output:
	// register <nil> pending=[] read=[] loaded=nothing
	// t1       <nil> pending=[t1@0x101000] read=[] loaded=nothing
	// read     <nil> pending=[] read=[t1@0x101000] loaded=nothing
	// copy     <nil> pending=[] read=[t1@0x101000] loaded=nothing
	// wake     <nil> pending=[] read=[] loaded=A
}
