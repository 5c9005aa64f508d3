package explore

import (
	"fmt"
	"io"
	"maps"
	"slices"
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
func Rows(program Program, opts Options, schedule Schedule) (steps []Row, failure, err error) {
	announced := map[*sim.Task]Row{}
	r := &replay{schedule: schedule}
	var rows []Row
	r.onStep = func(t *sim.Task) {
		if row, ok := announced[t]; ok {
			rows = append(rows, row)
			delete(announced, t)
		}
	}
	r.onChoice = func(value, n int) {
		rows[len(rows)-1].Step = fmt.Sprintf("%v %d (below %d)", sim.OpChoose, value, n)
	}
	failure, err = r.run(program, opts, func(run *Run) {
		run.exec.Announce = func(t *sim.Task, s sim.Step, fn string) {
			name := run.exec.ObjectName(s.Obj)
			announced[t] = Row{t.Name(), fn, strings.TrimSpace(s.Op.String() + " " + name), name}
		}
	})
	if err != nil {
		return nil, nil, err
	}
	return shared(rows), failure, r.mismatch
}

// shared returns the rows without the steps on objects that only one task accesses: no
// other task can observe these. It keeps sleeps and choices.
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
		if users[r.object] == "several" || strings.HasPrefix(r.Step, sim.OpSchedule.String()) ||
			strings.HasPrefix(r.Step, sim.OpChoose.String()) {
			kept = append(kept, r)
		}
	}
	return kept
}

// diagramWidth is the width that a diagram fits in, in characters, if its tasks are few.
const diagramWidth = 100

// minColumn is the least width of a column. Longer texts are broken between words, and
// names of fields before a dot.
const minColumn = 22

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
	narrow(width)
	line := func(cell func(task string) string) {
		var b strings.Builder
		for _, t := range tasks {
			fmt.Fprintf(&b, "| %-*s ", width[t], cell(t))
		}
		fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
	}
	only := func(task, text string) {
		for _, part := range broken(text, width[task]) {
			line(func(t string) string {
				if t == task {
					return part
				}
				return ""
			})
		}
	}
	line(func(t string) string { return t })
	line(func(t string) string { return strings.Repeat("-", width[t]) })
	last := map[string]string{}
	for _, r := range rows {
		if r.Func != "" && last[r.Task] != r.Func {
			only(r.Task, r.Func+":")
		}
		last[r.Task] = r.Func
		only(r.Task, r.Step)
	}
}

// narrow reduces the widest columns until the diagram fits in diagramWidth, or all have
// the least width.
func narrow(width map[string]int) {
	sum := -1 // the last column has no space behind it
	for _, w := range width {
		sum += w + len("|  ")
	}
	for sum > diagramWidth {
		widest := slices.MaxFunc(slices.Sorted(maps.Keys(width)), func(a, b string) int { return width[a] - width[b] })
		if width[widest] <= minColumn {
			return
		}
		width[widest]--
		sum--
	}
}

// broken returns the text in lines of at most width characters, as far as it can be
// broken. All but the first are indented.
func broken(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line+" "+word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), "  "+word
		}
		for utf8.RuneCountInString(line) > width {
			dot := strings.LastIndexByte(line[:min(width, len(line)-1)+1], '.')
			if dot <= 0 || strings.TrimSpace(line[:dot]) == "" {
				break
			}
			lines, line = append(lines, line[:dot]), "  "+line[dot:]
		}
	}
	return append(lines, line)
}
