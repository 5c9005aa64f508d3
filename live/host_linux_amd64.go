package live

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/uffdsim/uffdsim/scenario"
)

// Host is a scenario's processes on the running kernel.
type Host struct {
	kernel    *Kernel
	processes []*process
	flights   []*flight
	news      chan struct{} // holds one token if something may have settled
	failure   error         // why the scenario cannot be compared further
	high      atomic.Bool   // the scenario has mapped memory above the arena's lowest address
}

// process is a process of the scenario: tasks that share memory and descriptors.
type process struct {
	host     *Host
	keeper   *task // executes what the scenario did not ask for
	tasks    map[string]*task
	contexts map[int]context // by descriptor
	ended    bool
}

// context is a userfaultfd context: its name, and the process whose memory it handles.
// Other processes may have a descriptor of it, too.
type context struct {
	name string
	of   *process
}

// flight is an operation in progress.
type flight struct {
	task    *task
	done    atomic.Bool
	failure error // why its answer cannot be compared; written before done is set
}

func (h *Host) addProcess(keeper *task, contexts map[int]context) *process {
	p := &process{host: h, keeper: keeper, tasks: map[string]*task{}, contexts: map[int]context{}}
	maps.Copy(p.contexts, contexts)
	h.processes = append(h.processes, p)
	return p
}

// First implements [scenario.Host].
func (h *Host) First() scenario.Process { return h.processes[0] }

// Start implements [scenario.Process].
func (p *process) Start(name string, fn func(t scenario.Thread), done func(killed bool)) scenario.Flight {
	f := &flight{}
	t, err := p.taskNamed(name)
	if err != nil {
		p.host.failure = fmt.Errorf("task %s: %w", name, err)
		f.done.Store(true)
		return f
	}
	f.task = t
	p.host.flights = append(p.host.flights, f)
	go func() {
		killed := false
		defer func() {
			done(killed)
			f.done.Store(true)
			p.host.notify()
		}()
		defer func() {
			switch e := recover().(type) {
			case nil:
			case gone:
				killed = true
			case giveUp:
				f.failure = fmt.Errorf("task %s: %w", name, e.err)
			default:
				panic(e)
			}
		}()
		fn(&thread{task: t, process: p})
	}()
	return f
}

// taskNamed returns the task with the name, and makes it if the process has none.
func (p *process) taskNamed(name string) (*task, error) {
	if t := p.tasks[name]; t != nil {
		if err := t.check(); err != nil {
			return nil, err
		}
		if !t.isDead() {
			return t, nil
		}
	}
	t, err := p.keeper.spawn(shareAll)
	if err == nil {
		t.asleep = p.host.notify
		p.tasks[name] = t
	}
	return t, err
}

// settleChecks is how often Settle checks, at least a millisecond apart, before it
// reports that the kernel does not settle. Checks are counted, not time, so that a stop
// of the controller (Ctrl-Z) does not count.
const settleChecks = 10_000

// Settle implements [scenario.Host].
func (h *Host) Settle() error {
	if h.failure != nil {
		return h.failure
	}
	for checks := 0; !h.settled(); {
		select {
		case <-h.news:
			continue
		case <-time.After(time.Millisecond): // a task that slept was woken, and sleeps again
		}
		if checks++; checks > settleChecks {
			return fmt.Errorf("the kernel does not settle: %s", h.busy())
		}
	}
	return h.failure
}

// settled checks twice: a task that was asleep at the first check may have been woken by
// one that was checked later.
func (h *Host) settled() bool {
	first := h.quiet()
	return first && h.quiet()
}

// notify wakes Settle, because something may have settled.
func (h *Host) notify() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// quiet reports whether each operation was seen to have ended or to be asleep.
func (h *Host) quiet() bool {
	live := h.flights[:0]
	asleep := true
	for _, f := range h.flights {
		if f.done.Load() {
			if f.failure != nil && h.failure == nil {
				h.failure = f.failure
			}
			continue
		}
		live = append(live, f)
		asleep = asleep && f.task.blocked()
	}
	clear(h.flights[len(live):])
	h.flights = live
	return asleep
}

// busy names the tasks that are neither done nor asleep.
func (h *Host) busy() string {
	var states []string
	for _, f := range h.flights {
		states = append(states, fmt.Sprintf("process %d is in state %c", f.task.pid, f.task.state()))
	}
	return strings.Join(states, ", ")
}

// Close implements [scenario.Host].
func (h *Host) Close() {
	for _, p := range h.processes {
		p.end()
	}
	for h.quiet(); len(h.flights) > 0; h.quiet() { // their goroutines have yet to notice
		select {
		case <-h.news:
		case <-time.After(time.Millisecond):
		}
	}
	for _, p := range h.processes {
		for _, t := range p.all() {
			t.release()
		}
	}
}

// end kills the process's tasks, and the keeper, which shares memory and descriptors with
// them.
func (p *process) end() {
	if p.ended {
		return
	}
	p.ended = true
	for _, t := range p.all() { // first signal all, then wait: a death takes a while
		if !t.isDead() {
			t.condemn()
		}
	}
	for _, t := range p.all() {
		t.kill()
	}
}

// all returns the process's tasks and its keeper.
func (p *process) all() []*task {
	return append(slices.Collect(maps.Values(p.tasks)), p.keeper)
}

// check returns [scenario.ErrInterference] if the keeper was killed from outside: what
// /proc shows about the process means nothing then.
func (p *process) check() error {
	if p.ended {
		return nil
	}
	return p.keeper.check()
}
