package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/procfs"
	"github.com/uffdsim/uffdsim/sim"
)

// model is the modelled machine as a host. It supports more operations than other hosts.
type model struct {
	opts         Options
	machine      *machine.Machine
	controlled   *sim.Controlled // the executor; nil if free is not
	free         *sim.Free
	first        *modelProcess
	processes    []*modelProcess // in order of creation; those without memory may be missing
	processLimit int             // the number of processes at which forget looks through them
	contexts     contexts
	faults       []*allocationFault // of the next operation
	tids         map[string]uint32  // by the name of the task: its operations share one number

	mu         sync.Mutex  // tasks of the free executor run in parallel
	events     []sim.Event // protected by mu, as the following fields are
	happened   int         // all events, with those that were not collected
	eventBytes int         // of the text of all events
	foundBug   error       // the first bug
}

type modelProcess struct {
	*machine.Process
	model *model
}

// modelThread is a task of the model.
type modelThread struct {
	*machine.Task
	process *modelProcess
}

func newModel(opts Options, profile kernel.Profile) *model {
	m := &model{opts: opts}
	m.boot(machine.New(m.executor(), profile))
	return m
}

// boot configures the machine and creates the first process.
func (m *model) boot(on *machine.Machine) {
	opts := &m.opts
	m.machine, m.tids = on, map[string]uint32{}
	m.machine.Dropped = opts.Dropped
	m.machine.Memory().MaxPages = uint64(opts.Limits.Pages)
	if opts.MmapMinAddr != 0 {
		m.machine.MmapMinAddr = opts.MmapMinAddr
	}
	m.first = m.add(m.machine.NewProcess())
	m.first.OpenStd()
}

func (m *model) add(p *machine.Process) *modelProcess {
	added := &modelProcess{p, m}
	m.processes = append(m.processes, added)
	return added
}

// First implements [Host].
func (m *model) First() Process { return m.first }

// executor returns the executor that the options choose.
func (m *model) executor() sim.Executor {
	var tracer *sim.Tracer
	if m.opts.Trace {
		tracer = sim.NewTracer(func(e sim.Event) {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.happened++
			m.eventBytes += eventSize(&e)
			l := &m.opts.Limits
			if (l.Events == 0 || m.happened <= l.Events) && (l.EventBytes == 0 || m.eventBytes <= l.EventBytes) {
				m.events = append(m.events, e)
			}
		})
	}
	if m.opts.Free {
		m.free = &sim.Free{Trace: tracer}
		return m.free
	}
	m.controlled = sim.NewControlled(sim.NewRandom(m.opts.Seed))
	m.controlled.Trace = tracer
	m.controlled.NoFingerprints = true
	return m.controlled
}

// Start implements [Process].
func (p *modelProcess) Start(name string, fn func(t Thread), done func(killed bool)) Flight {
	m := p.model
	inject := injector(m.faults)
	m.faults = nil
	tid := m.tidOf(name)
	return p.Process.Go(name, m.guard(func(t *machine.Task) {
		t.SetTID(tid)
		t.InjectFaults(inject)
		fn(&modelThread{t, p})
		t.InjectFaults(nil)
	}), done)
}

// tidOf returns the thread number of the task with the name.
func (m *model) tidOf(name string) uint32 {
	tid, known := m.tids[name]
	if !known {
		tid = uint32(len(m.tids)) + 1000
		m.tids[name] = tid
	}
	return tid
}

// Fork implements [Thread].
func (t *modelThread) Fork() (Process, int, error) {
	child, err := t.Task.Fork()
	if err != nil {
		return nil, 0, err
	}
	return t.process.model.add(child), child.PID, nil
}

// Kill implements [Thread].
func (t *modelThread) Kill(target Flight, sig sim.Signal) {
	if target == nil {
		target = t.Task.Task
	}
	t.Task.Kill(target.(*sim.Task), sig)
}

// Settle implements [Host]: it runs the machine until every task is asleep or has ended.
// The error is a bug: of the modelled kernel, or of the model.
func (m *model) Settle() error {
	if m.free == nil {
		return m.settleControlled()
	}
	done := make(chan error, 1)
	go func() { done <- m.free.Settle() }()
	limit := time.NewTimer(m.opts.Timeout)
	defer limit.Stop()
	select {
	case err := <-done:
		return errors.Join(err, m.bug())
	case <-limit.C:
		return errors.Join(m.bug(), fmt.Errorf("the machine does not settle within %v", m.opts.Timeout))
	}
}

func (m *model) settleControlled() error {
	all, left := m.opts.Limits.Steps, cmp.Or(m.opts.Steps, DefaultSteps)
	if all > 0 {
		left = min(left, all-m.controlled.Steps())
	}
	m.controlled.MaxSteps = max(left, 1) // 0 is the executor's own limit
	err := m.controlled.Settle()
	if p, ok := errors.AsType[*sim.Panic](err); ok {
		return fmt.Errorf("%w\n\n%s", internalError(p), p.Stack)
	}
	endless, ok := errors.AsType[*sim.Endless](err)
	switch {
	case !ok:
		return err
	case all > 0 && m.controlled.Steps() >= all:
		return fmt.Errorf("%w (last seen running: task %s)", &LimitError{"steps", all}, endless.Task)
	}
	return fmt.Errorf("%w; the limit is %d", endless, m.controlled.MaxSteps)
}

func internalError(p any) error { return fmt.Errorf("the model itself failed: %v", p) }

// guard wraps an operation for the free executor, on which a panic of a task would end
// the program: the panic becomes the model's bug, and the task ends. (The controlled
// executor catches panics itself.) A panic with another value is how the machine ends a
// task.
func (m *model) guard(fn func(*machine.Task)) func(*machine.Task) {
	if m.free == nil {
		return fn
	}
	return func(t *machine.Task) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case *sim.Bug, *sim.NotModelled:
				m.setBug(p.(error))
			case error, string:
				m.setBug(internalError(p))
			default:
				panic(p)
			}
		}()
		fn(t)
	}
}

func (m *model) setBug(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.foundBug == nil {
		m.foundBug = err
	}
}

func (m *model) bug() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.foundBug
}

// eventCount returns the number of events so far, including those beyond the limit, and
// the number of bytes of their text.
func (m *model) eventCount() (events, bytes int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.happened, m.eventBytes
}

// takeEvents returns the events since the last call.
func (m *model) takeEvents() []sim.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	events := m.events
	m.events = nil
	return events
}

// Close implements [Host]: it ends the tasks that are still blocked.
func (m *model) Close() {
	if m.controlled != nil {
		// A bug in a task that is being stopped belongs to no run.
		defer func() { _ = recover() }()
		m.controlled.Stop()
	}
}

// interrupt ends the sleepers of the free executor, which cannot abandon them.
func (m *model) interrupt(sleepers []Flight) {
	for _, f := range sleepers {
		f.(*sim.Task).Interrupt(sim.SignalFatal)
	}
	if m.bug() == nil { // after a bug, a lock may be held forever
		_ = m.Settle() // the run is over: ignore bugs
	}
}

// NameContext implements [Process].
func (p *modelProcess) NameContext(fd int, name string) {
	if file := p.Files().File(fd); file != nil {
		p.model.contexts.add(p.Ctx(fd), name, file)
	}
}

// Maps implements [Process].
func (p *modelProcess) Maps() ([]Mapping, error) {
	var maps []Mapping
	for _, m := range procfs.Maps(p.MM) {
		mapping := Mapping{Start: m.Start, End: m.End, Prot: m.Prot, Kind: m.Kind, Modes: m.Modes}
		if m.Ctx != nil {
			mapping.Context = p.model.contexts.name(m.Ctx)
		}
		maps = append(maps, mapping)
	}
	return maps, nil
}

// Present implements [Process].
func (p *modelProcess) Present(addr uint64, n int) ([]bool, error) {
	return procfs.Present(p.MM, addr, n), nil
}

// Fdinfo implements [Process].
func (p *modelProcess) Fdinfo(fd int) (string, error) { return procfs.Fdinfo(p.Files(), fd) }

// forget drops contexts and processes that no later statement can use. Call it between
// two statements.
func (m *model) forget() {
	m.contexts.forget()
	if len(m.processes) >= max(m.processLimit, fewProcesses) {
		m.processes = slices.DeleteFunc(m.processes, func(p *modelProcess) bool { return p.MM.Users() == 0 })
		m.processLimit = 2 * len(m.processes)
	}
}

// fewProcesses is the number of processes below which forget does not look through them.
const fewProcesses = 64

// check checks that the data structures of the whole machine agree. name returns the
// scenario's name of a process.
func (m *model) check(name func(p Process) string) error {
	for _, p := range m.processes {
		if err := p.CheckInvariants(); err != nil {
			return fmt.Errorf("process %s: %w", name(p), err)
		}
	}
	for _, c := range m.contexts.known {
		if c.file == nil {
			continue
		}
		if err := c.CheckInvariants(c.file.Count() > 0); err != nil {
			return fmt.Errorf("context %s: %w", c.name, err)
		}
	}
	return nil
}
