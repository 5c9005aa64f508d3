package sim

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
)

// Event is an entry of a run's trace. This package emits the events of locks, tasks and
// wait queues; packages above emit their own kinds with [Task.Emit].
type Event struct {
	// Seq is the number of the event in its tracer, from 1.
	Seq uint64 `json:"seq"`
	// Task is the name of the task that emitted the event.
	Task string `json:"task"`
	// Func is the name of the kernel function, "" outside of the kernel.
	Func string `json:"func,omitempty"`
	// Kind is the kind of the event, a stable name such as "spin_lock" or "queue_add".
	Kind string `json:"kind"`
	// Object is the name of the object of the event.
	Object string `json:"object,omitempty"`
	// Rule is the number of the rule that determines what happens here, "" if none.
	Rule string `json:"rule,omitempty"`
	// Args are the details, in a fixed order for each kind.
	Args []Arg `json:"args,omitempty"`
}

// Arg is a detail of an event.
type Arg struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Tracer numbers the events of a run and passes them on. It is safe for concurrent use.
type Tracer struct {
	mu    sync.Mutex
	seq   uint64         // protected by mu
	sink  func(Event)    // called with mu held
	names map[string]int // by kind: the number of names returned by TraceName; protected by mu
}

// NewTracer returns a tracer that calls sink for every event, one call at a time.
func NewTracer(sink func(Event)) *Tracer { return &Tracer{sink: sink, names: map[string]int{}} }

// Tracing reports whether the task is traced. Callers check it before they build an
// event.
func (t *Task) Tracing() bool { return t.trace != nil }

// Emit emits an event of the task if the task is traced. It sets Seq, Task and Func; it
// takes the kernel function from the call stack (see [KernelFuncs]).
func (t *Task) Emit(e Event) {
	if t.trace == nil {
		return
	}
	e.Task, e.Func = t.name, kernelFunc()
	t.trace.mu.Lock()
	defer t.trace.mu.Unlock()
	t.trace.seq++
	e.Seq = t.trace.seq
	t.trace.sink(e)
}

// TraceName returns a name that is unique in the trace: the kind followed by a number,
// from 1. Without a tracer it returns the kind.
func (t *Task) TraceName(kind string) string {
	if t.trace == nil {
		return kind
	}
	t.trace.mu.Lock()
	defer t.trace.mu.Unlock()
	t.trace.names[kind]++
	return fmt.Sprintf("%s%d", kind, t.trace.names[kind])
}

// traceWait emits an event for a task that must wait for a lock. The event of op itself
// is emitted only once the task has the lock.
func (t *Task) traceWait(op Op, object string) {
	t.Emit(Event{Kind: op.String() + "_wait", Object: object})
}

// traceStep emits the event of a step on the named object.
func (t *Task) traceStep(op Op, object string) {
	t.Emit(Event{Kind: op.String(), Object: object})
}

// traceWake emits the event of a wake-up, with whether it woke the target.
func (t *Task) traceWake(target *Task, woken bool) {
	t.Emit(Event{Kind: OpWake.String(), Object: target.name, Args: []Arg{{"woken", woken}}})
}

// KernelFunc pairs a kernel function's name with the Go function that recreates it.
type KernelFunc struct {
	Name string
	Go   any // a function or a method expression
}

// GoName returns the name of the Go function as documentation writes it, such as
// "sim.(*Task).Schedule".
func (k KernelFunc) GoName() string {
	name := runtime.FuncForPC(reflect.ValueOf(k.Go).Pointer()).Name()
	return name[strings.LastIndex(name, "/")+1:]
}

var (
	// kernelNames maps a Go symbol to the kernel function that it recreates. It is
	// written during package initialisation only.
	kernelNames = map[string]string{}
	// variants maps the Go symbol of a variant to the symbol of the original. It is
	// written during package initialisation only.
	variants = map[string]string{}
	// pcNames caches kernelNameAt: it maps a program counter to the kernel function.
	pcNames sync.Map
)

// KernelFuncs declares which Go functions recreate which kernel functions, and returns
// its arguments. A package calls it to initialise a package variable.
func KernelFuncs(funcs ...KernelFunc) []KernelFunc {
	for _, f := range funcs {
		kernelNames[runtime.FuncForPC(reflect.ValueOf(f.Go).Pointer()).Name()] = f.Name
	}
	return funcs
}

// KernelVariant declares that variant is a modified copy of original, and so recreates
// the same kernel function. It returns variant. A package calls it to initialise a
// package variable.
func KernelVariant(original, variant any) any {
	symbol := func(f any) string { return runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name() }
	variants[symbol(variant)] = symbol(original)
	return variant
}

// nameOf returns the kernel function that a Go symbol recreates, "" if none.
func nameOf(symbol string) string {
	if original, ok := variants[symbol]; ok {
		symbol = original
	}
	return kernelNames[symbol]
}

// kernelFunc returns the name of the innermost kernel function on the call stack, "" if
// none.
func kernelFunc() string {
	var pcs [32]uintptr
	n := runtime.Callers(2, pcs[:])
	for _, pc := range pcs[:n] {
		if name := kernelNameAt(pc); name != "" {
			return name
		}
	}
	return ""
}

// kernelNameAt returns the innermost kernel function at a program counter, which may
// stand for several inlined functions; "" if none.
func kernelNameAt(pc uintptr) string {
	if name, ok := pcNames.Load(pc); ok {
		return name.(string)
	}
	found := ""
	frames := runtime.CallersFrames([]uintptr{pc})
	for more := true; more && found == ""; {
		var f runtime.Frame
		f, more = frames.Next()
		if found = nameOf(f.Function); found == "" {
			symbol, _, _ := strings.Cut(f.Function, ".func") // a closure counts as its function
			found = nameOf(symbol)
		}
	}
	pcNames.Store(pc, found)
	return found
}
