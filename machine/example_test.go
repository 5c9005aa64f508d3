package machine_test

import (
	"bytes"
	"fmt"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// A task accesses a missing page and sleeps until the monitor, here the calling
// goroutine, provides the page with UFFDIO_COPY.
func Example() {
	const start, length = 0x100000, 4 * mm.PageSize
	profile, err := kernel.Resolve("6.18")
	must(err)
	exec := new(sim.Free) // every task is a goroutine
	process := machine.New(exec, profile).NewProcess()
	monitor := process.Attach(exec, "monitor")

	fd, err := monitor.Userfaultfd(0)
	must(err)
	must(monitor.UffdAPI(fd, &abi.API{API: abi.APIVersion}))
	_, err = monitor.Mmap(start, length, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
	must(err)
	must(monitor.UffdRegister(fd, &abi.Register{
		Range: abi.Range{Start: start, Len: length},
		Mode:  abi.RegisterModeMissing,
	}))

	process.Go("t1", func(t *machine.Task) {
		var b [1]byte
		outcome, _ := t.Load(start+mm.PageSize+10, b[:]) // sleeps
		fmt.Printf("t1: %v, %q\n", outcome, b)
	}, nil)

	msg, err := monitor.UffdReadMsg(fd) // sleeps until t1 faults
	must(err)
	dst := msg.Address & mm.PageMask
	fmt.Printf("monitor: a fault at %#x\n", dst)
	page := bytes.Repeat([]byte("A"), mm.PageSize)
	must(monitor.UffdCopy(fd, &abi.Copy{Dst: dst, Src: monitor.Lend(1, page), Len: mm.PageSize}))
	exec.Wait()

	// Output:
	// monitor: a fault at 0x101000
	// t1: done, "A"
}
