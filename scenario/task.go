package scenario

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// process is a process of the host by the name that the scenario gave it.
type process struct {
	Process
	name   string
	exited bool
}

// task is a thread of a scenario. It has at most one operation in flight; each runs
// as a thread of the host with the same name. Tasks share their process's memory and
// descriptors, and die alone, as those made by clone(CLONE_VM|CLONE_FILES) do.
type task struct {
	name     string // as the scenario writes it: "t1", "child", "child.t1"
	process  *process
	current  *flight // the last operation, nil before the first
	reported bool    // its answer has been given
	dead     bool
	tid      atomic.Uint32 // of its thread, 0 before it has one
}

// flight is an operation that a task has begun.
type flight struct {
	st     *statement
	flight Flight
	landed bool // the session has seen it end

	// Written by the host's thread; done comes last.
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

// ready returns the task that is to run a statement, which it makes on first use. The
// error says why it cannot.
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
		return nil, cannotGoOn{st.errorf("%s is still blocked in %s of line %d", t.name, t.current.st.text, t.current.st.line())}
	}
	return t, nil
}

func (s *Session) processOf(st *statement) (*process, error) {
	for _, p := range s.processes {
		if p.name == st.process {
			return p, nil
		}
	}
	return nil, st.errorf("there is no process %s: its fork has not succeeded", st.process)
}

func (s *Session) taskNamed(name string, p *process) *task {
	for _, t := range s.tasks {
		if t.name == name {
			return t
		}
	}
	t := &task{name: name, process: p}
	s.tasks = append(s.tasks, t)
	return t
}

// exitable says why a task's process cannot exit now: the model's exit does not kill
// the other threads, as the kernel's does.
func (s *Session) exitable(st *statement, self *task) error {
	for _, t := range s.tasks {
		if t != self && t.process == self.process && t.sleeping() != nil {
			return st.errorf("%s cannot exit: %s is blocked in %s of line %d; kill it first",
				self.name, t.name, t.current.st.text, t.current.st.line())
		}
	}
	return nil
}

// uniqueName is the name of the context that a descriptor of that name has come with. A
// second one of the name, or one without a name, gets a number.
func (s *Session) uniqueName(fd string) string {
	unique := fd
	for n := len(s.contexts) + 1; unique == "" || slices.Contains(s.contexts, unique); n++ {
		unique = fmt.Sprintf("%s#%d", fd, n)
	}
	s.contexts = append(s.contexts, unique)
	return unique
}

// threadName is the name of the task whose thread has the number.
func (s *Session) threadName(tid uint32) string {
	for _, t := range s.tasks {
		if t.tid.Load() == tid {
			return t.name
		}
	}
	return fmt.Sprint(tid)
}
