package machine

import (
	"sync/atomic"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/vfs"
)

// Machine is a running kernel: what its processes share.
type Machine struct {
	// Config is the kernel's userfaultfd. Set it before the first descriptor.
	uffd.Config
	// MmapMinAddr, MaxMapCount and THP are the sysctls that a new address space starts
	// with. Set them before the first process.
	MmapMinAddr uint64
	MaxMapCount int
	THP         mm.THPMode
	// MaxFds bounds a descriptor table (RLIMIT_NOFILE).
	MaxFds int

	exec    sim.Executor
	memory  *mm.Memory
	facts   mm.Facts // of its address spaces; immutable
	lastPID atomic.Int64
}

// New returns a machine that runs the given kernel, with no processes. Its tasks run on
// exec.
func New(exec sim.Executor, profile kernel.Profile) *Machine {
	return newMachine(mm.NewMemory(), exec, profile)
}

// NewOn is [New] on the memory of a machine that is no longer used.
func NewOn(memory *mm.Memory, exec sim.Executor, profile kernel.Profile) *Machine {
	memory.Restart()
	return newMachine(memory, exec, profile)
}

func newMachine(memory *mm.Memory, exec sim.Executor, profile kernel.Profile) *Machine {
	_, controlled := exec.(*sim.Controlled)
	memory.KeepsNumbers = !controlled
	return &Machine{
		Config:      uffd.Config{Facts: profile.UFFD},
		MmapMinAddr: mm.DefaultMmapMinAddr,
		MaxMapCount: mm.DefaultMaxMapCount,
		MaxFds:      1024,
		exec:        exec,
		memory:      memory,
		facts:       profile.MM,
	}
}

// Memory is the machine's physical memory.
func (m *Machine) Memory() *mm.Memory { return m.memory }

// Process is an address space and a descriptor table, which its tasks share.
type Process struct {
	// PID is the process's number.
	PID int
	// MM is its address space. It outlives the process for as long as a userfaultfd
	// context holds it.
	MM *mm.MM

	machine *Machine
	files   *vfs.FDTable
}

// NewProcess returns a process with nothing mapped and nothing open.
func (m *Machine) NewProcess() *Process {
	space := mm.New(m.memory)
	space.MmapMinAddr, space.MaxMapCount, space.THP = m.MmapMinAddr, m.MaxMapCount, m.THP
	space.Dropped, space.Facts = m.Dropped, m.facts
	return m.newProcess(space, vfs.NewFDTable(m.MaxFds))
}

func (m *Machine) newProcess(space *mm.MM, files *vfs.FDTable) *Process {
	p := &Process{PID: int(m.lastPID.Add(1)), MM: space, machine: m, files: files}
	if c, ok := m.exec.(*sim.Controlled); ok {
		space.Label(c, uint64(p.PID))
		sim.LabelIn(c, files, "files", uint64(p.PID))
	}
	return p
}

// Machine is the machine that the process runs on.
func (p *Process) Machine() *Machine { return p.machine }

// Files is the process's descriptor table.
func (p *Process) Files() *vfs.FDTable { return p.files }

// Task is a thread of a process. Its methods are what a program can do, and are
// called by the task itself.
type Task struct {
	*sim.Task
	// Process is what the task belongs to. Immutable.
	Process *Process

	local mm.Thread
	poll  *vfs.PollWqueues // nil before the first poll: most tasks never do
	kept  *callState       // nil before the first call that keeps something
}

// killed is the panic that ends a task which a fatal signal has killed.
type killed struct{}

// Go starts a task of the process that runs fn, and returns it as others see it. A
// fatal signal ends the task wherever it returns to user mode; then, and otherwise
// when fn has returned, done is called with true or false. done may be nil.
func (p *Process) Go(name string, fn func(t *Task), done func(killed bool)) *sim.Task {
	task := &Task{Process: p, local: mm.Thread{MM: p.MM}}
	return p.machine.exec.Go(name, &task.local, func(t *sim.Task) {
		task.Task = t
		task.SetTID(uint32(t.ID()) + 1)
		sim.Label(t, task, t.Name()+"'s thread", uint64(t.ID())<<32)
		task.traceLife("task_new", "mm", task.local.MM.Name)
		dead := runUntilKilled(task, fn)
		task.local.TakeBack()
		task.traceLife("task_exit", "killed", dead)
		if done != nil {
			done(dead)
		}
	})
}

// traceLife records that the task has begun, or ended.
func (t *Task) traceLife(kind, key string, value any) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: kind, Object: t.Name(), Args: []sim.Arg{{Key: key, Value: value}}})
	}
}

func runUntilKilled(t *Task, fn func(t *Task)) (dead bool) {
	defer func() {
		// Other panics pass: to recover from one in order to raise it again is dear, and
		// each run that an explorer gives up ends in one.
		if dead = t.kept != nil && t.kept.dying; dead {
			recover()
		}
	}()
	fn(t)
	return false
}

// Lend puts Go memory behind a user pointer, which it returns: see [mm.Thread.Lend].
// Pane 0 is taken by the calls that end in Bytes.
func (t *Task) Lend(pane int, mem []byte) uint64 { return t.local.Lend(pane, mem) }

// Attach makes the calling goroutine a task of the process, on the free executor.
func (p *Process) Attach(free *sim.Free, name string) *Task {
	task := &Task{Process: p, local: mm.Thread{MM: p.MM}}
	task.Task = free.Attach(name, &task.local)
	return task
}

// SetTID gives the task its number: what gettid returns.
func (t *Task) SetTID(tid uint32) { t.local.TID = tid }

// TID is the task's number.
func (t *Task) TID() uint32 { return t.local.TID }

// Faults is the number of page faults that slept and of those that did not.
func (t *Task) Faults() (major, minor uint64) { return t.local.MajFlt, t.local.MinFlt }
