package sim

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
)

// Event is something visible that happened in a run. The floors above emit events
// of their own kinds with [Task.Emit]; the steps of locks and tasks are emitted here.
type Event struct {
	// Seq numbers the events of a tracer, from 1.
	Seq uint64 `json:"seq"`
	// Task is the name of the task that did it.
	Task string `json:"task"`
	// Func is the kernel function that it belongs to, "" outside of the kernel.
	Func string `json:"func,omitempty"`
	// Kind is a stable name: "spin_lock", "queue_add"...
	Kind string `json:"kind"`
	// Object is what it happened to.
	Object string `json:"object,omitempty"`
	// Rule is the number of the rule that bites here, "" for none.
	Rule string `json:"rule,omitempty"`
	// Args are the details, in a fixed order for each kind.
	Args []Arg `json:"args,omitempty"`
}

// Arg is a detail of an event.
type Arg struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Tracer collects the events of a run. Emission is serialised.
type Tracer struct {
	mu    sync.Mutex
	seq   uint64
	sink  func(Event)
	names map[string]int // how many names with that beginning TraceName has given
}

// NewTracer returns a tracer that hands every event to sink.
func NewTracer(sink func(Event)) *Tracer { return &Tracer{sink: sink, names: map[string]int{}} }

// Tracing reports whether events are wanted: ask before building one.
func (t *Task) Tracing() bool { return t.trace != nil }

// Emit records an event of the task. The kernel function is found from the call
// stack ([KernelFuncs]).
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

// TraceName returns a name that nothing else in the trace has: the kind with a number behind it,
// from 1. Without a tracer it is the kind.
func (t *Task) TraceName(kind string) string {
	if t.trace == nil {
		return kind
	}
	t.trace.mu.Lock()
	defer t.trace.mu.Unlock()
	t.trace.names[kind]++
	return fmt.Sprintf("%s%d", kind, t.trace.names[kind])
}

// traceWait records that the task has to wait for a lock, which the trace of taking it
// tells too late.
func (t *Task) traceWait(op Op, object string) {
	t.Emit(Event{Kind: op.String() + "_wait", Object: object})
}

func (t *Task) traceStep(op Op, object string) {
	t.Emit(Event{Kind: op.String(), Object: object})
}

func (t *Task) traceWake(target *Task, woken bool) {
	t.Emit(Event{Kind: OpWake.String(), Object: target.name, Args: []Arg{{"woken", woken}}})
}

// KernelFunc pairs a kernel function's name with the Go function that recreates it.
type KernelFunc struct {
	Name string
	Go   any // a function or a method expression
}

// GoName is the name of the Go function as documentation writes it:
// "sim.(*Task).Schedule".
func (k KernelFunc) GoName() string {
	name := runtime.FuncForPC(reflect.ValueOf(k.Go).Pointer()).Name()
	return name[strings.LastIndex(name, "/")+1:]
}

var (
	kernelNames = map[string]string{} // Go symbol → kernel function; filled by init functions only
	variants    = map[string]string{} // Go symbol of a variant → that of the function; likewise
	pcNames     sync.Map              // uintptr → []string, innermost first; a cache
)

// KernelFuncs declares which Go functions recreate which kernel functions, and
// returns the table. A package calls it once, to initialise a package variable.
func KernelFuncs(funcs ...KernelFunc) []KernelFunc {
	for _, f := range funcs {
		kernelNames[runtime.FuncForPC(reflect.ValueOf(f.Go).Pointer()).Name()] = f.Name
	}
	return funcs
}

// KernelVariant declares that a Go function is another's with changes, and so the same kernel
// function. It returns the variant. A package calls it to initialise package variables.
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

// kernelFunc names the innermost kernel function on the call stack.
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
