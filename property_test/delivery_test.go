package properties

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// party is a program of many tasks: faulters that touch pages, and monitors of several
// kinds that serve them.
type party struct {
	process  *machine.Process
	exec     sim.Executor
	fd       int
	pages    int
	touches  [][]int // the pages of each faulter
	monitors []string
	quota    int // faults after which the last descriptor is closed, -1 for never
	disturb  []string
	done     atomic.Int64 // faulters that have ended
	failures chan string
	messages []atomic.Int64 // for each page
}

func drawParty(t *rapid.T, faulters int) *party {
	p := &party{pages: rapid.IntRange(1, 6).Draw(t, "pages"), quota: -1, failures: make(chan string, 1000)}
	for range rapid.IntRange(1, faulters).Draw(t, "faulters") {
		p.touches = append(p.touches, rapid.SliceOfNDistinct(rapid.IntRange(0, p.pages-1), 1, p.pages, rapid.ID[int]).Draw(t, "touches"))
	}
	p.monitors = rapid.SliceOfN(rapid.SampledFrom([]string{"copy", "zeropage", "dontwake"}), 1, 3).Draw(t, "monitors")
	p.disturb = rapid.SliceOfN(rapid.SampledFrom([]string{"unregister", "wake", "copy"}), 0, 2).Draw(t, "others")
	if len(p.monitors) == 1 && len(p.disturb) == 0 && rapid.Bool().Draw(t, "closes") {
		p.quota = rapid.IntRange(0, 4).Draw(t, "quota")
	}
	p.messages = make([]atomic.Int64, p.pages)
	return p
}

func (p *party) failf(format string, args ...any) { p.failures <- fmt.Sprintf(format, args...) }

// prepare maps and registers the memory.
func (p *party) prepare(task *machine.Task) {
	var err error
	p.fd, err = task.Userfaultfd(0)
	if err == nil {
		err = task.UffdAPI(p.fd, &abi.API{API: abi.APIVersion})
	}
	if err == nil {
		_, err = task.Mmap(arena, uint64(p.pages)*pageSize, mm.ProtRead|mm.ProtWrite, mm.MapPrivate|mm.MapAnonymous|mm.MapFixed, -1, 0)
	}
	if err == nil {
		all := abi.Range{Start: arena, Len: uint64(p.pages) * pageSize}
		err = task.UffdRegister(p.fd, &abi.Register{Range: all, Mode: abi.RegisterModeMissing})
	}
	if err != nil {
		p.failf("the memory cannot be prepared: %v", err)
	}
}

// fault touches the pages of a faulter. It loads the byte that was copied, or zero.
func (p *party) fault(task *machine.Task, pages []int) {
	for _, page := range pages {
		var b [1]byte
		if outcome, _ := task.Load(address(page), b[:]); outcome != mm.Done {
			p.failf("page %d: the touch ended with %v", page, outcome)
		}
		if b[0] != 0 && b[0] != letterOf(page) {
			p.failf("page %d: the byte is %q", page, b[0])
		}
	}
	p.done.Add(1)
}

func letterOf(page int) byte { return byte('A' + page) }

// serve reads faults and resolves them, until the descriptor is closed or the task ends.
func (p *party) serve(task *machine.Task, kind string) {
	for served := 0; served != p.quota; served++ {
		msg, err := task.UffdReadMsg(p.fd)
		if err != nil {
			p.failf("read: %v", err)
			return
		}
		page := int((msg.Address - arena) / pageSize)
		p.messages[page].Add(1)
		p.resolve(task, kind, page)
	}
	if err := task.Close(p.fd); err != nil {
		p.failf("close: %v", err)
	}
}

// resolve fills the page, unless another monitor has, and wakes every task that waits for
// it.
func (p *party) resolve(task *machine.Task, kind string, page int) {
	at := abi.Range{Start: address(page), Len: pageSize}
	var err error
	switch kind {
	case "zeropage":
		err = task.UffdZeropage(p.fd, &abi.Zeropage{Range: at})
	case "copy", "dontwake":
		c := abi.Copy{Dst: at.Start, Src: task.Lend(1, filled(letterOf(page))), Len: pageSize}
		if kind == "dontwake" {
			c.Mode = abi.CopyModeDontwake
		}
		err = task.UffdCopy(p.fd, &c)
	}
	switch err {
	case nil, errno.EEXIST, errno.ENOENT, errno.EINVAL: // the page was present, or is no longer registered
	default:
		p.failf("%s of page %d: %v", kind, page, err)
	}
	// A fill that found the page present has woken no task (COPY-8).
	if err != nil || kind == "dontwake" {
		p.wake(task, page)
	}
}

func filled(with byte) []byte {
	page := make([]byte, pageSize)
	for i := range page {
		page[i] = with
	}
	return page
}

func (p *party) wake(task *machine.Task, page int) {
	if err := task.UffdWake(p.fd, abi.Range{Start: address(page), Len: pageSize}); err != nil {
		p.failf("wake: %v", err)
	}
}

// other does something to each page without a message.
func (p *party) other(task *machine.Task, kind string) {
	for page := range p.pages {
		switch kind {
		case "copy":
			p.resolve(task, kind, page)
		case "wake":
			p.wake(task, page)
		case "unregister":
			if err := task.UffdUnregister(p.fd, abi.Range{Start: address(page), Len: pageSize}); err != nil {
				p.failf("unregister: %v", err)
			}
			p.wake(task, page) // before 4.11 unregister does not wake
		}
	}
}

// run runs the party to its end, and fails the test if anything went wrong.
func (p *party) run(t *rapid.T, exec sim.Executor, v kernel.Profile) {
	p.exec = exec
	p.process = machine.New(exec, v).NewProcess()
	settle := func() { require.NoError(t, exec.Settle()) }
	p.process.Go("main", p.prepare, nil)
	settle()
	var monitors []*sim.Task
	for i, kind := range p.monitors {
		monitors = append(monitors, p.process.Go(fmt.Sprintf("monitor%d", i), func(task *machine.Task) { p.serve(task, kind) }, nil))
	}
	for i, pages := range p.touches {
		p.process.Go(fmt.Sprintf("faulter%d", i), func(task *machine.Task) { p.fault(task, pages) }, nil)
	}
	for i, kind := range p.disturb {
		p.process.Go(fmt.Sprintf("other%d", i), func(task *machine.Task) { p.other(task, kind) }, nil)
	}
	settle()
	require.EqualValues(t, len(p.touches), p.done.Load(), "faulters that ended; the others are lost")
	require.NoError(t, p.process.CheckInvariants())
	for page := range p.messages {
		p.checkMessages(t, page)
	}
	p.process.Go("end", func(task *machine.Task) {
		for _, m := range monitors {
			task.Kill(m, sim.SignalFatal)
		}
	}, nil)
	settle()
	p.process.Go("exit", func(task *machine.Task) { task.Exit() }, nil)
	settle()
	require.Zero(t, p.process.Machine().Memory().InUse(), "frames that no process freed")
	close(p.failures)
	for f := range p.failures {
		t.Error(f)
	}
}

// checkMessages compares the messages of a page with the faulters that touch it: one
// each, unless some task was woken without a page.
func (p *party) checkMessages(t *rapid.T, page int) {
	if len(p.disturb) > 0 || len(p.monitors) > 1 {
		return
	}
	asked := 0
	for _, pages := range p.touches {
		for _, i := range pages {
			if i == page {
				asked++
			}
		}
	}
	require.LessOrEqual(t, p.messages[page].Load(), int64(asked), "page %d: a fault was delivered twice", page)
}

// deliveryVersion draws a version, and removes from the party what that version does not
// promise. It is never 2015, which can lose a wake-up (docs/findings.md).
func deliveryVersion(t *rapid.T, p *party) kernel.Profile {
	names := []string{"4.3", "4.14", "5.7", "6.18"}
	v, _ := kernel.Lookup(rapid.SampledFrom(names).Draw(t, "kernel"))
	if v.MM.Retries == mm.RetryOnce {
		// A second wake-up without a page is SIGBUS there, and a fill that finds the page
		// present needs one.
		p.disturb, p.monitors = nil, []string{"copy"}
	}
	if v.UFFD.Released == uffd.ReleasedSIGBUS {
		p.quota = -1 // a fault during a close is SIGBUS there
	}
	return v
}

// No fault is lost over any interleaving of read, copy, wake, unregister and close: here
// with the tasks in random order.
func TestNoFaultIsLostInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParty(t, 4)
		v := deliveryVersion(t, p)
		exec := sim.NewControlled(sim.NewRandom(rapid.Uint64().Draw(t, "schedule")))
		defer exec.Stop()
		p.run(t, exec, v)
	})
}

// No fault is lost with many tasks in parallel.
func TestNoFaultIsLostInParallel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawParty(t, 40)
		v := deliveryVersion(t, p)
		rand.Shuffle(len(p.touches), func(i, j int) { p.touches[i], p.touches[j] = p.touches[j], p.touches[i] })
		p.run(t, &sim.Free{}, v)
	})
}
