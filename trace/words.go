package trace

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Sentence describes the event in words. label returns the name of a context.
func (e *Event) Sentence(label func(ctx string) string) string {
	for _, say := range []func(*Event, func(string) string) string{sayRun, sayTask, sayLock, sayContext, saySpace} {
		if s := say(e, label); s != "" {
			return s
		}
	}
	return strings.TrimSpace(e.Task + " " + e.Kind + " " + e.Object)
}

func sayRun(e *Event, _ func(string) string) string {
	switch e.Kind {
	case "run_begin":
		return "the run begins, on kernel " + e.Str("kernel")
	case "run_end":
		if f := e.Str("finding"); f != "" {
			return "the run ends: " + f
		}
		return "the run ends"
	case "op_begin":
		return e.Str("as") + ": " + e.Str("text")
	case "op_end":
		if e.Str("answer") == "" {
			return e.Object
		}
		return e.Object + " = " + e.Str("answer")
	}
	return ""
}

func sayTask(e *Event, _ func(string) string) string {
	switch e.Kind {
	case "task_new":
		return e.Task + " starts"
	case "task_exit":
		if e.Str("killed") == "true" {
			return e.Task + " was killed"
		}
		return e.Task + " has ended"
	case "set_current_state":
		if e.Object == "TASK_RUNNING" {
			return e.Task + " sets itself back to TASK_RUNNING"
		}
		return e.Task + " sets its state to " + e.Object
	case "schedule":
		if e.Object == "TASK_RUNNING" {
			return e.Task + " was woken before it slept"
		}
		return e.Task + " sleeps: " + e.Object
	case "try_to_wake_up":
		if e.Str("woken") == "true" {
			return e.Task + " wakes " + e.Object
		}
		return e.Task + " finds " + e.Object + " awake"
	case "send_signal":
		return e.Task + " sends a signal to " + e.Object
	case "choose":
		return fmt.Sprintf("%s chooses %s, a number below %s", e.Task, e.Str("value"), e.Str("of"))
	case "clone":
		return e.Task + " starts " + e.Object
	case "syscall_enter":
		return e.Task + " calls " + e.call()
	case "syscall_exit":
		return fmt.Sprintf("%s returns from %s: %s", e.Task, e.Object, e.result())
	case "fault_begin":
		if e.Str("write") == "true" {
			return fmt.Sprintf("%s stores to %s: a page fault", e.Task, e.Str("address"))
		}
		return fmt.Sprintf("%s loads from %s: a page fault", e.Task, e.Str("address"))
	case "fault_end":
		return fmt.Sprintf("%s's page fault ends: %s", e.Task, e.Str("outcome"))
	}
	return ""
}

// call returns the name of the system call. For an ioctl of userfaultfd it returns the
// command.
func (e *Event) call() string {
	if e.Object == "ioctl" && len(e.Args) > 1 {
		for _, i := range abi.Ioctls() {
			if e.Args[1].Value == value(uint64(i.Cmd)) {
				return i.Name
			}
		}
	}
	return e.Object
}

// result returns the result of a system call: an address in hexadecimal, any other number
// in decimal.
func (e *Event) result() string {
	ret := e.Str("ret")
	if n, err := strconv.ParseUint(ret, 0, 64); err == nil && e.Object != "mmap" && e.Object != "mremap" {
		return fmt.Sprint(n)
	}
	return ret
}

func sayLock(e *Event, _ func(string) string) string {
	switch e.Kind {
	case "spin_lock":
		return e.Task + " takes " + e.Object
	case "down_read":
		return e.Task + " takes " + e.Object + " for reading"
	case "down_write":
		return e.Task + " takes " + e.Object + " for writing"
	case "spin_unlock", "up_read", "up_write":
		return e.Task + " releases " + e.Object
	case "spin_lock_wait", "down_read_wait", "down_write_wait":
		return e.Task + " waits for " + e.Object
	}
	return ""
}

func sayContext(e *Event, label func(string) string) string {
	who, queue := e.Task, e.Object+" of "+label(e.Str("ctx"))
	own := e.Str("waiter") == e.Task
	waiter := e.Str("waiter")
	if at := e.Str("address"); at != "" {
		waiter += " (" + at + ")"
	}
	switch e.Kind {
	case "ctx_new":
		return who + " creates a context: " + label(e.Object)
	case "ctx_state":
		return "the handshake of " + label(e.Object) + " is complete"
	case "ctx_released":
		return "the release of " + label(e.Object) + " begins"
	case "ctx_free":
		return label(e.Object) + " is freed"
	case "ref_get":
		return fmt.Sprintf("%s takes a reference to %s: %s now", who, label(e.Object), e.Str("count"))
	case "ref_put":
		return fmt.Sprintf("%s drops a reference to %s: %s left", who, label(e.Object), e.Str("count"))
	case "queue_add":
		if own {
			return waiter + " joins " + queue
		}
		return who + " adds " + waiter + " to " + queue
	case "queue_del":
		if own {
			return waiter + " leaves " + queue
		}
		return who + " removes " + waiter + " from " + queue
	case "queue_del_init":
		return who + " removes " + waiter + " from " + queue + " after waking it"
	case "msg_read":
		return who + " reads the message of " + waiter
	case "must_wait":
		if e.Str("waits") == "true" {
			return who + " looks again: the page at " + e.Str("address") + " is missing"
		}
		return who + " looks again: the page at " + e.Str("address") + " is present"
	case "wake":
		if e.Addr("len") == 0 {
			return who + " wakes every waiting task"
		}
		return fmt.Sprintf("%s wakes every task waiting in [%#x, %#x)", who, e.Addr("start"), e.Addr("start")+e.Addr("len"))
	}
	return ""
}

func saySpace(e *Event, label func(string) string) string {
	what := e.Str("prot")
	if ctx := e.Str("uffd"); ctx != "" {
		what += ", faults go to " + label(ctx)
	}
	switch kind := e.Kind; {
	case kind == "vma_insert":
		return fmt.Sprintf("a mapping is added: %s %s", e.Object, what)
	case kind == "vma_change":
		return fmt.Sprintf("the mapping at %s is now %s %s", e.Str("was"), e.Object, what)
	case kind == "vma_remove":
		return "the mapping " + e.Object + " is removed"
	case kind == "vma_split":
		return "the mapping " + e.Object + " is split at " + e.Str("at")
	case kind == "vma_merge":
		return fmt.Sprintf("%s becomes part of %s: case %s of vma_merge", e.Object, e.Str("result"), e.Str("case"))
	case kind == "mm_exit":
		return "the address space " + e.Str("mm") + " is destroyed"
	case kind == "pmd_split":
		return e.Object + ": the huge page becomes 512 small ones"
	case kind == "table_free":
		return fmt.Sprintf("an empty %s table is freed", e.Object)
	case strings.HasSuffix(kind, "_set"):
		return fmt.Sprintf("%s, for %s, is set: %s", e.Object, e.Str("address"), e.Str("bits"))
	case strings.HasSuffix(kind, "_clear"):
		return fmt.Sprintf("%s, for %s, becomes none", e.Object, e.Str("address"))
	}
	return ""
}

// Labels returns a function that names the contexts of a stream: by the scenario's name
// for the first descriptor, if it has one.
func (s Stream) Labels() func(ctx string) string {
	var end State
	for i := range s {
		end.Apply(&s[i])
	}
	return func(ctx string) string {
		if c := end.Context(ctx); c != nil {
			return c.Label()
		}
		return ctx
	}
}
