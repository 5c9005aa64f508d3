package scenario

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// process is a process of the host with its name in the scenario.
type process struct {
	Process
	name   string
	tasks  []*task // in order of creation
	exited bool
}

// task is a task of a scenario. It has at most one operation at a time; each runs as a
// thread of the host with the task's name. Tasks share the memory and descriptors of
// their process, and end one by one, like those that clone(CLONE_VM|CLONE_FILES) creates.
type task struct {
	name     string // in the scenario: "t1", "child", "child.t1"
	process  *process
	number   int     // in the session, in order of creation
	current  *flight // the operation whose answer was not given yet, nil for none
	last     string  // its last operation, "" before the first
	lastLine int
	dead     bool
	tid      uint32 // of its thread, 0 before it has one; protected by the lock of Session.threads
}

// flight is an operation that a task has begun.
type flight struct {
	task   *task
	st     *statement // nil once it has landed
	flight Flight     // of the host; nil once it has landed
	landed bool       // the session has seen it end
	asked  bool       // a statement has asked about it

	// Written by the host's thread, done as the last.
	answer answer
	killed bool
	done   atomic.Bool
}

// sleeping is the operation in flight if it has not ended, nil otherwise.
func (t *task) sleeping() Flight {
	if t.current == nil || t.current.done.Load() {
		return nil
	}
	return t.current.flight
}

// ready returns the task of a statement, and creates it on first use. The error says why
// the task cannot run the statement.
func (s *Session) ready(st *statement) (*task, error) {
	p, err := s.processOf(st)
	if err != nil {
		return nil, err
	}
	t := s.taskNamed(st.task, p)
	switch {
	case p.exited:
		return nil, cannotGoOn{st.errorf("%s cannot run %s: its process has exited", t.name, st.op.Name)}
	case t.dead:
		return nil, cannotGoOn{st.errorf("%s cannot run %s: it was killed", t.name, st.op.Name)}
	case t.sleeping() != nil:
		return nil, cannotGoOn{st.errorf("%s is still blocked in %s of line %d", t.name, t.last, t.lastLine)}
	}
	return t, nil
}

func (s *Session) processOf(st *statement) (*process, error) {
	if p := s.process[st.process]; p != nil {
		return p, nil
	}
	return nil, cannotGoOn{st.errorf("there is no process %s: its fork has not succeeded", st.process)}
}

func (s *Session) taskNamed(name string, p *process) *task {
	if t := s.task[name]; t != nil {
		return t
	}
	t := &task{name: name, process: p, number: len(s.tasks)}
	s.tasks = append(s.tasks, t)
	p.tasks = append(p.tasks, t)
	s.task[name] = t
	return t
}

// exitable returns an error if a task's process cannot exit now: the exit of the model
// does not kill the other threads, unlike the kernel's.
func (s *Session) exitable(st *statement, self *task) error {
	for _, t := range self.process.tasks {
		if t != self && t.sleeping() != nil {
			return cannotGoOn{st.errorf("%s cannot exit: %s is blocked in %s of line %d; kill it first",
				self.name, t.name, t.last, t.lastLine)}
		}
	}
	return nil
}

// landings are the operations that have ended since the session last looked.
type landings struct {
	mu      sync.Mutex
	flights []*flight // protected by mu
}

// add appends an operation that has ended. The host's thread calls it.
func (l *landings) add(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flights = append(l.flights, f)
}

// take returns the operations that have ended since the last call, in the order of
// their tasks.
func (l *landings) take() []*flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	flights := l.flights
	l.flights = nil
	slices.SortFunc(flights, func(a, b *flight) int { return cmp.Compare(a.task.number, b.task.number) })
	return flights
}

// threadNames finds tasks by the number of their thread. Threads of the host use it.
type threadNames struct {
	mu    sync.Mutex
	byTID map[uint32]*task // protected by mu
}

// set stores the number of a task's thread.
func (n *threadNames) set(t *task, tid uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byTID == nil {
		n.byTID = map[uint32]*task{}
	}
	if n.byTID[t.tid] == t {
		delete(n.byTID, t.tid)
	}
	t.tid = tid
	n.byTID[tid] = t
}

// name returns the name of the task whose thread has the number.
func (n *threadNames) name(tid uint32) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t := n.byTID[tid]; t != nil {
		return t.name
	}
	return fmt.Sprint(tid)
}

// contextNames gives every context a different name.
type contextNames struct {
	count int
	taken map[string]bool // names of descriptors that are names of contexts
}

// unique returns a name for the new context of a descriptor with the name fd. If that is
// empty or taken, the context's number is appended.
func (n *contextNames) unique(fd string) string {
	n.count++
	if fd == "" || n.taken[fd] {
		return fmt.Sprintf("%s#%d", fd, n.count)
	}
	if n.taken == nil {
		n.taken = map[string]bool{}
	}
	n.taken[fd] = true
	return fd
}
