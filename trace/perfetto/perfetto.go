// Package perfetto writes a run in the Trace Event Format, which the Perfetto UI
// (ui.perfetto.dev) and chrome://tracing open. The trace has a track for each task, with
// nested system calls and faults; the waits as slices of their own; arrows from a fault
// to the task that reads its message, to the task that fills its page, and back; and
// counters of pending and of all waiting faults. Each event takes two
// microseconds.
package perfetto

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/uffdsim/uffdsim/trace"
)

// event is an event of the format. Fields that its phase does not have are omitted.
type event struct {
	Name string         `json:"name"`
	Cat  string         `json:"cat,omitempty"`
	Ph   string         `json:"ph"`
	TS   int            `json:"ts"`
	Pid  int            `json:"pid"`
	Tid  int            `json:"tid"`
	ID   string         `json:"id,omitempty"`
	BP   string         `json:"bp,omitempty"`
	S    string         `json:"s,omitempty"`
	Args map[string]any `json:"args,omitempty"`
}

// Write writes the stream as one JSON object.
func Write(w io.Writer, s trace.Stream) error {
	c := converter{label: s.Labels(), tids: map[string]int{}, open: map[string][]string{}, asleep: map[string]string{}, flows: map[string]string{}}
	for i := range s {
		c.event(&s[i])
	}
	c.finish(len(s) + 1)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{"displayTimeUnit": "ms", "traceEvents": c.events})
}

type converter struct {
	label  func(ctx string) string
	events []event
	tids   map[string]int      // the numbers of the tasks' tracks
	order  []string            // the tasks
	open   map[string][]string // the open slices of a task's track
	asleep map[string]string   // the queue or lock for which a task waits
	flows  map[string]string   // the flow of each waiter's fault
	last   int                 // the last flow
	faults []*faults           // for each context, in order of the first fault
	time   int                 // the time of the event
	ts     int                 // the time of the last written event
}

// faults counts the faults that wait at a context.
type faults struct {
	context       string
	pending, read int
	changed       bool // since the last count was written
}

// pid is the only process of the trace.
const pid = 1

// tid returns the number of a task's track.
func (c *converter) tid(task string) int {
	n, ok := c.tids[task]
	if !ok {
		n = len(c.order) + 1
		c.tids[task] = n
		c.order = append(c.order, task)
		c.events = append(c.events, event{Name: "thread_name", Ph: "M", Pid: pid, Tid: n, Args: map[string]any{"name": cmp.Or(task, "(no name)")}})
	}
	return n
}

func (c *converter) add(e event, task string) {
	c.ts = max(c.ts, 2*c.time)
	if e.Ph == "E" {
		c.ts = 2*c.time + 1 // after an arrow to the slice: viewers miss one at its very end
	}
	e.TS, e.Pid, e.Tid = c.ts, pid, c.tid(task)
	c.events = append(c.events, e)
}

func (c *converter) begin(task, name string, args map[string]any) {
	c.open[task] = append(c.open[task], name)
	c.add(event{Name: name, Cat: "kernel", Ph: "B", Args: args}, task)
}

func (c *converter) end(task string) {
	if n := len(c.open[task]); n > 0 {
		c.add(event{Name: c.open[task][n-1], Cat: "kernel", Ph: "E"}, task)
		c.open[task] = c.open[task][:n-1]
	}
}

// wait begins a slice of waiting, beside the task's track. wakes, or the next wait, ends
// it.
func (c *converter) wait(task, what string) {
	c.wakes(task)
	c.asleep[task] = what
	c.add(event{Name: what, Cat: "wait", Ph: "b", ID: task}, task)
}

func (c *converter) wakes(task string) {
	if what, ok := c.asleep[task]; ok {
		delete(c.asleep, task)
		c.add(event{Name: what, Cat: "wait", Ph: "e", ID: task}, task)
	}
}

// flow adds a point to the flow of a waiter's fault. It binds to the open slice of the
// task's track, so there must be one.
func (c *converter) flow(ph, task, id string) {
	if id == "" || len(c.open[task]) == 0 {
		return
	}
	e := event{Name: "fault", Cat: "fault", Ph: ph, ID: id}
	if ph == "f" {
		e.BP = "e" // bind to the enclosing slice, not to the next one
	}
	c.add(e, task)
}

func (c *converter) event(e *trace.Event) {
	c.time = max(c.time, e.Seq) // the numbers of an edited stream may decrease
	if e.Task != "" && e.Kind != "schedule" {
		c.wakes(e.Task)
	}
	switch e.Kind {
	case "run_begin":
		c.events = append(c.events, event{Name: "process_name", Ph: "M", Pid: pid, Args: map[string]any{"name": e.Str("source") + " on " + e.Str("kernel")}})
	case "syscall_enter", "fault_begin":
		c.begin(e.Task, e.Sentence(c.label), arguments(e))
	case "syscall_exit", "fault_end":
		if id := c.flows[e.Task]; e.Kind == "fault_end" && id != "" {
			c.flow("f", e.Task, id)
			delete(c.flows, e.Task)
		}
		c.end(e.Task)
	case "task_exit":
		for len(c.open[e.Task]) > 0 { // the task was killed inside it
			c.end(e.Task)
		}
	case "schedule":
		if e.Object != "TASK_RUNNING" {
			c.wait(e.Task, "asleep: "+e.Object)
		}
	case "spin_lock_wait", "down_read_wait", "down_write_wait":
		c.wait(e.Task, "waits for "+e.Object)
	case "queue_add", "queue_del", "queue_del_init":
		c.queue(e)
	case "spin_unlock":
		c.count(e.Task)
	case "msg_read":
		c.flow("t", e.Task, c.flows[e.Str("waiter")])
	case "try_to_wake_up":
		if e.Str("woken") == "true" {
			c.flow("t", e.Task, c.flows[e.Object])
		}
	case "pte_set", "vma_split", "vma_merge", "ctx_released", "ctx_free", "must_wait":
		c.add(event{Name: e.Sentence(c.label), Cat: "event", Ph: "i", S: "t", Args: arguments(e)}, e.Task)
	case "run_end":
		if f := e.Str("finding"); f != "" {
			if len(c.order) == 0 {
				c.tid("main")
			}
			c.add(event{Name: f, Cat: "finding", Ph: "i", S: "g"}, c.order[0])
		}
	}
}

// queue counts the waiting faults, and begins the flow of a fault.
func (c *converter) queue(e *trace.Event) {
	if n := len(e.List("queue")); e.Object != "fd_wqh" {
		f := c.faultsOf(c.label(e.Str("ctx")))
		f.changed = true
		if e.Object == "fault_wqh" {
			f.read = n
		} else {
			f.pending = n
		}
	}
	if e.Kind == "queue_add" && e.Object == "fault_pending_wqh" && len(c.open[e.Task]) > 0 {
		c.flow("f", e.Task, c.flows[e.Task]) // the task was woken without a page, and sleeps again
		c.last++
		c.flows[e.Task] = fmt.Sprint("fault", c.last)
		c.flow("s", e.Task, c.flows[e.Task])
	}
}

func (c *converter) faultsOf(context string) *faults {
	i := slices.IndexFunc(c.faults, func(f *faults) bool { return f.context == context })
	if i < 0 {
		i = len(c.faults)
		c.faults = append(c.faults, &faults{context: context})
	}
	return c.faults[i]
}

// count writes the number of waiting faults, as fdinfo would. It is called when a lock is
// released, because a fault that moves from one queue to the other, under the lock, is in
// neither.
func (c *converter) count(task string) {
	for _, f := range c.faults {
		if f.changed {
			c.add(event{Name: f.context + ": pending", Ph: "C", Args: map[string]any{"faults": f.pending}}, task)
			c.add(event{Name: f.context + ": total", Ph: "C", Args: map[string]any{"faults": f.pending + f.read}}, task)
			f.changed = false
		}
	}
}

// finish ends all open slices at the given time, the end of the run.
func (c *converter) finish(at int) {
	c.time = max(c.time, at)
	for _, task := range c.order {
		c.count(task)
		c.wakes(task)
		for len(c.open[task]) > 0 {
			c.end(task)
		}
	}
}

// arguments returns an event's details, which the viewer shows for a clicked slice.
// Repeated names, such as those of a system call's arguments, are numbered: "arg", "arg
// 2".
func arguments(e *trace.Event) map[string]any {
	args := map[string]any{"event": e.Seq}
	if e.Func != "" {
		args["function"] = e.Func
	}
	if e.Rule != "" {
		args["rule"] = e.Rule
	}
	last := map[string]int{} // the last number of each name
	for _, a := range e.Args {
		key := a.Key
		for n := max(last[a.Key], 1); args[key] != nil; {
			n++
			key, last[a.Key] = fmt.Sprintf("%s %d", a.Key, n), n
		}
		args[key] = a.Value
	}
	return args
}
