package machine

import (
	"sync/atomic"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/vfs"
)

// Machine is a running kernel: the state that its processes share. Its fields are
// immutable while tasks run, except for lastPID and the contents of memory.
type Machine struct {
	// Config configures userfaultfd. Set it before the first descriptor is created.
	uffd.Config
	// MmapMinAddr (a byte address), MaxMapCount (a number of VMAs) and THP are the
	// settings that a new address space gets. Set them before the first process is
	// created.
	MmapMinAddr uint64
	MaxMapCount int
	THP         mm.THPMode
	// MaxFds limits the descriptors of each process (RLIMIT_NOFILE).
	MaxFds int

	exec    sim.Executor
	memory  *mm.Memory
	facts   mm.Facts // for the address spaces
	lastPID atomic.Int64
}

// New returns a machine without processes that runs the given kernel version. Its tasks
// run on exec. It panics if the profile has no name: the zero profile is no version, but
// what [kernel.Lookup] returns if it knows none of that name.
func New(exec sim.Executor, profile kernel.Profile) *Machine {
	return newMachine(mm.NewMemory(), exec, profile)
}

// NewOn is [New], but reuses the memory of a machine that is no longer in use.
func NewOn(memory *mm.Memory, exec sim.Executor, profile kernel.Profile) *Machine {
	memory.Restart()
	return newMachine(memory, exec, profile)
}

func newMachine(memory *mm.Memory, exec sim.Executor, profile kernel.Profile) *Machine {
	if profile.Name == "" {
		panic("machine: a profile without a name is no kernel version: use kernel.Resolve")
	}
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

// Memory returns the machine's physical memory.
func (m *Machine) Memory() *mm.Memory { return m.memory }

// Process is an address space and a descriptor table, shared by the tasks of the process.
// All fields are immutable.
type Process struct {
	// PID is the process's number in its machine, from 1.
	PID int
	// MM is the address space. A userfaultfd context that refers to it keeps it alive
	// after the process has ended.
	MM *mm.MM

	machine *Machine
	files   *vfs.FDTable
}

// NewProcess returns a process without mappings, descriptors or tasks.
func (m *Machine) NewProcess() *Process {
	space := mm.New(m.memory)
	space.MmapMinAddr, space.MaxMapCount, space.THP = m.MmapMinAddr, m.MaxMapCount, m.THP
	space.Dropped, space.Facts = m.Dropped, m.facts
	p := m.newProcess(space, vfs.NewFDTable(m.MaxFds))
	if c, ok := m.exec.(*sim.Controlled); ok {
		space.Label(c, uint64(p.PID))
		sim.LabelIn(c, p.files, "files", uint64(p.PID))
	}
	return p
}

// newProcess numbers a process. Its address space and descriptor table must have labels
// before a task uses them. A child has labels of its own kind: its PID depends on the
// interleaving if several tasks fork.
func (m *Machine) newProcess(space *mm.MM, files *vfs.FDTable) *Process {
	return &Process{PID: int(m.lastPID.Add(1)), MM: space, machine: m, files: files}
}

// Machine returns the machine of the process.
func (p *Process) Machine() *Machine { return p.machine }

// Files returns the descriptor table of the process.
func (p *Process) Files() *vfs.FDTable { return p.files }

// Task is a thread of a process. Its methods are the operations of a user program. Only
// the task itself may call them and access its fields.
type Task struct {
	*sim.Task
	// Process is the process to which the task belongs. Immutable.
	Process *Process

	local mm.Thread
	poll  *vfs.PollWqueues // nil before the first poll, since most tasks never poll
	kept  *callState       // nil before the first call that needs it
}

// killed is the panic value that ends a task killed by a fatal signal.
type killed struct{}

// Go starts a task of the process that runs fn, and returns it as a sim.Task, for other
// tasks. A fatal signal ends the task when it returns to user mode. When the task has
// ended, Go calls done, if not nil, with whether a signal killed it.
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

// traceLife emits an event for the beginning or the end of the task.
func (t *Task) traceLife(kind, key string, value any) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: kind, Object: t.Name(), Args: []sim.Arg{{Key: key, Value: value}}})
	}
}

// runUntilKilled runs fn and reports whether a fatal signal ended it.
func runUntilKilled(t *Task, fn func(t *Task)) (dead bool) {
	defer func() {
		// Do not recover other panics, not even to raise them again: that is expensive,
		// and every run that an explorer abandons ends in one.
		if dead = t.kept != nil && t.kept.dying; dead {
			recover()
		}
	}()
	fn(t)
	return false
}

// Lend makes Go memory accessible at a user address and returns the address: see
// [mm.Thread.Lend]. The methods whose names end in Bytes use pane 0.
func (t *Task) Lend(pane int, mem []byte) uint64 { return t.local.Lend(pane, mem) }

// Attach makes the calling goroutine a task of the process, on the free executor.
func (p *Process) Attach(free *sim.Free, name string) *Task {
	task := &Task{Process: p, local: mm.Thread{MM: p.MM}}
	task.Task = free.Attach(name, &task.local)
	return task
}

// SetTID sets the task's thread ID, the one that gettid(2) returns.
func (t *Task) SetTID(tid uint32) { t.local.TID = tid }

// TID returns the task's thread ID.
func (t *Task) TID() uint32 { return t.local.TID }

// Faults returns the number of page faults that slept (major) and that did not (minor).
func (t *Task) Faults() (major, minor uint64) { return t.local.MajFlt, t.local.MinFlt }
