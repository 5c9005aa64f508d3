package explore

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/uffdsim/uffdsim/sim"
)

// Row is a visible step of a run, as text.
type Row struct {
	Task   string
	Func   string // the kernel function, "" outside the kernel
	Step   string // the operation and the object
	object string
}

// Rows replays a schedule and returns its steps, and the failure if the run goes wrong.
// The error says where the schedule does not fit.
func Rows(setup *Setup, opts Options, schedule Schedule) (steps []Row, failure, err error) {
	announced := map[*sim.Task]Row{}
	r := &replay{schedule: schedule}
	var rows []Row
	r.onStep = func(t *sim.Task) {
		if row, ok := announced[t]; ok {
			rows = append(rows, row)
			delete(announced, t)
		}
	}
	failure, err = r.run(setup, opts, func(w *World) {
		w.exec.Announce = func(t *sim.Task, s sim.Step, fn string) {
			name := w.exec.ObjectName(s.Obj)
			announced[t] = Row{t.Name(), fn, strings.TrimSpace(s.Op.String() + " " + name), name}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return shared(rows), failure, r.mismatch
}

// shared returns the rows without the steps on objects that only one task accesses: no
// other task can observe these.
func shared(rows []Row) []Row {
	users := map[string]string{}
	for _, r := range rows {
		if by, ok := users[r.object]; ok && by != r.Task {
			users[r.object] = "several"
		} else if !ok {
			users[r.object] = r.Task
		}
	}
	var kept []Row
	for _, r := range rows {
		if users[r.object] == "several" || strings.HasPrefix(r.Step, sim.OpSchedule.String()) {
			kept = append(kept, r)
		}
	}
	return kept
}

// Diagram draws the rows as a table with a column for each task, and time running down.
func Diagram(out io.Writer, rows []Row) {
	var tasks []string
	width := map[string]int{}
	for _, r := range rows {
		if _, ok := width[r.Task]; !ok {
			tasks = append(tasks, r.Task)
			width[r.Task] = utf8.RuneCountInString(r.Task)
		}
		width[r.Task] = max(width[r.Task], utf8.RuneCountInString(r.Step), utf8.RuneCountInString(r.Func)+1)
	}
	line := func(cell func(task string) string) {
		var b strings.Builder
		for _, t := range tasks {
			fmt.Fprintf(&b, "| %-*s ", width[t], cell(t))
		}
		fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
	}
	line(func(t string) string { return t })
	line(func(t string) string { return strings.Repeat("-", width[t]) })
	last := map[string]string{}
	for _, r := range rows {
		if r.Func != "" && last[r.Task] != r.Func {
			line(func(t string) string {
				if t == r.Task {
					return r.Func + ":"
				}
				return ""
			})
		}
		last[r.Task] = r.Func
		line(func(t string) string {
			if t == r.Task {
				return r.Step
			}
			return ""
		})
	}
}
