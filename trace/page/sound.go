package page

import (
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/trace"
)

// details has the details that the script reads, for each kind of event. sound handles
// kinds that begin with the name of a level of the page table.
var details = map[string][]string{
	"run_begin":      {"source", "kernel", "lines"},
	"run_end":        {"finding"},
	"op_begin":       {"line"},
	"op_end":         {"line", "answer", "block", "ok"},
	"task_new":       {"mm"},
	"task_exit":      {"killed"},
	"try_to_wake_up": {"woken"},
	"fault_begin":    {"address"},
	"vma_insert":     {"mm", "was", "start", "end", "prot", "backing", "uffd", "modes"},
	"vma_change":     {"mm", "was", "start", "end", "prot", "backing", "uffd", "modes"},
	"vma_remove":     {"mm", "was", "start", "end", "prot", "backing", "uffd", "modes"},
	"mm_exit":        {"mm"},
	"ctx_new":        {"mm", "count", "state"},
	"ctx_state":      {"state"},
	"ref_get":        {"count"},
	"ref_put":        {"count"},
	"queue_add":      {"queue", "ctx"},
	"queue_del":      {"queue", "ctx"},
	"queue_del_init": {"queue", "ctx"},
}

// sound returns the event with all the details that the script reads, each with the type
// that it has in a run. It replaces a missing detail, or one of another type, by the
// value that [trace.State] assumes. It returns events of a run unchanged.
func sound(e *trace.Event) trace.Event {
	need := details[e.Kind]
	if level, _, _ := strings.Cut(e.Kind, "_"); slices.Contains([]string{"pgd", "pud", "pmd", "pte"}, level) {
		need = []string{"mm", "address", "entry", "bits"}
		if e.Kind == "pmd_split" {
			need = []string{"mm", "address", "entry", "step"}
		}
	}
	var args trace.Args
	for _, a := range e.Args {
		if !slices.Contains(need, a.Key) && !isWord(a.Key) {
			args = append(args, a)
		} else if !has(args, a.Key) {
			args = append(args, sim.Arg{Key: a.Key, Value: detail(e, a.Key)})
		}
	}
	for _, key := range need {
		if !has(args, key) {
			args = append(args, sim.Arg{Key: key, Value: detail(e, key)})
		}
	}
	repaired := *e
	repaired.Args = args
	return repaired
}

func has(args trace.Args, key string) bool {
	return slices.ContainsFunc(args, func(a sim.Arg) bool { return a.Key == key })
}

// isWord reports whether the script converts the detail to a number, in events of any
// kind.
func isWord(key string) bool {
	return slices.Contains([]string{"address", "start", "end", "was", "entry", "step"}, key)
}

// detail returns a detail with the type that the script reads.
func detail(e *trace.Event, key string) any {
	switch {
	case isWord(key):
		return fmt.Sprintf("%#x", e.Addr(key))
	case key == "count" || key == "line":
		return e.Int(key)
	case key == "ok" || key == "killed" || key == "woken":
		return e.Str(key) == "true"
	case key == "queue" || key == "block" || key == "lines":
		return append([]string{}, e.List(key)...) // never nil, which is null in JSON
	}
	return e.Str(key)
}
