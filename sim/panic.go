package sim

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Panic is what ends a run in which a task panicked, and not with a [*Bug]: a mistake in Go, of
// the task's program or of the model. Settle of the controlled executor returns it, so that
// the schedule that led there can be told.
type Panic struct {
	Task  string // its name
	Value any
	Where string // the file and the line
	Stack []byte // of the task, as debug.Stack has it
}

// Error makes a Panic an error.
func (p *Panic) Error() string {
	return fmt.Sprintf("panic in task %s: %v (%s)", p.Task, p.Value, p.Where)
}

// Unwrap is the value, if that is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// panicked says where the panic with the value came from. It must be called by the deferred
// function that has recovered from it: behind that the stack is still the panic's.
func panicked(t *Task, value any) *Panic {
	p := &Panic{Task: t.name, Value: value, Where: "?", Stack: debug.Stack()}
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	for raised := false; ; {
		f, more := frames.Next()
		if raised && !strings.HasPrefix(f.Function, "runtime.") {
			p.Where = fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
			return p
		}
		raised = raised || f.Function == "runtime.gopanic"
		if !more {
			return p
		}
	}
}
