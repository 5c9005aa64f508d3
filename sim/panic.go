package sim

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// Panic is the error of a controlled run in which a task panicked with a value other than
// a [*Bug]: a programming error in the task's program or in the model.
// [Controlled.Settle] returns it, so that the caller can report the schedule that led to
// it.
type Panic struct {
	Task  string // the name of the task
	Value any
	Where string // "file:line"
	Stack []byte // the task's stack, as formatted by debug.Stack
}

// Error returns the task, the value and the place.
func (p *Panic) Error() string {
	return fmt.Sprintf("panic in task %s: %v (%s)", p.Task, p.Value, p.Where)
}

// Unwrap returns the value if it is an error, else nil.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// panicked returns a Panic with the place where the recovered panic was raised. Only the
// deferred function that recovered may call it: beneath that function the stack is still
// the panicking one.
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
