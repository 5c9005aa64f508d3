// Package mermaid draws a run as a sequence diagram in Mermaid's language, which GitHub
// and many editors render: a lane for each task, one for the kernel, and one for each
// context.
package mermaid

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/trace"
)

// The limits of a diagram. Mermaid refuses to draw more than 50,000 characters, and more
// lines than these are of no use to a reader.
const (
	maxLines = 300
	maxChars = 45_000
	maxText  = 200 // of a name or a statement
)

// Write draws the stream. It omits the middle of a long stream, and says so in the
// diagram.
func Write(w io.Writer, s trace.Stream) error {
	d := diagram{label: s.Labels(), lanes: map[string]string{}}
	for i := range s {
		d.event(&s[i])
	}
	_, err := io.WriteString(w, d.text())
	return err
}

type diagram struct {
	label func(ctx string) string
	lanes map[string]string // their IDs by name
	order []string          // names of the lanes
	lines []line
	op    string // the task of the running statement, "" for none
}

// line is an arrow or a note: its text, and its lanes, which may be the same.
type line struct{ text, from, to string }

// kernel is the lane of the kernel without its contexts.
const kernel = "kernel"

// nameless is the name of a lane whose task has no name: Mermaid requires one.
const nameless = "(no name)"

// lane returns the ID of a task's or a context's lane.
func (d *diagram) lane(name string) string {
	id, ok := d.lanes[name]
	if !ok {
		id = fmt.Sprintf("l%d", len(d.order))
		d.lanes[name] = id
		d.order = append(d.order, name)
	}
	return id
}

func (d *diagram) context(name string) string { return d.lane("context " + d.label(name)) }

func (d *diagram) arrow(from, kind, to, text string) {
	d.lines = append(d.lines, line{fmt.Sprintf("    %s%s%s: %s", from, kind, to, escape(text)), from, to})
}

func (d *diagram) note(lane, text string) {
	d.lines = append(d.lines, line{fmt.Sprintf("    Note over %s: %s", lane, escape(text)), lane, lane})
}

// event draws an event, if it is worth a line. It draws a lock only if a task waits for
// it.
func (d *diagram) event(e *trace.Event) {
	said := e.Sentence(d.label)
	if e.Rule != "" {
		said += " [" + e.Rule + "]"
	}
	switch e.Kind {
	case "run_begin":
		if !strings.HasPrefix(e.Str("source"), "uffdsim explore") { // a run of the explorer has no main task
			d.lane("main")
		}
		d.lane(kernel)
	case "run_end":
		if f := e.Str("finding"); f != "" {
			if len(d.order) == 0 {
				d.lane(kernel)
			}
			from, to := d.lane(d.order[0]), d.lane(d.order[len(d.order)-1])
			d.lines = append(d.lines, line{fmt.Sprintf("    Note over %s,%s: %s", from, to, escape(f)), from, to})
		}
	case "op_begin":
		d.op = e.Str("text")
	case "op_end":
		d.answer(e)
	case "syscall_enter", "fault_begin":
		d.enter(e, said)
	case "syscall_exit":
		if e.Op == 0 {
			d.arrow(d.lane(kernel), "-->>", d.lane(e.Task), e.Object+" = "+e.Str("ret"))
		}
	case "fault_end":
		d.arrow(d.lane(kernel), "-->>", d.lane(e.Task), said)
	case "queue_add", "queue_del", "queue_del_init":
		if e.Object != "fd_wqh" {
			d.arrow(d.lane(e.Task), "->>", d.context(e.Str("ctx")), said)
		}
	case "msg_read":
		d.arrow(d.context(e.Object), "-->>", d.lane(e.Task), said)
	case "ctx_new", "ctx_released", "ctx_free":
		d.note(d.context(e.Object), said)
	case "try_to_wake_up":
		if e.Str("woken") == "true" {
			d.arrow(d.lane(e.Task), "-)", d.lane(e.Object), "wakes")
		}
	case "schedule", "must_wait", "spin_lock_wait", "down_read_wait", "down_write_wait", "send_signal":
		d.note(d.lane(e.Task), said)
	case "pte_set", "pte_clear", "vma_split", "vma_merge", "pmd_split", "mm_exit":
		d.note(d.lane(kernel), said)
	}
}

// enter draws the entry of a task into the kernel, with the text of the statement, if it
// belongs to one.
func (d *diagram) enter(e *trace.Event, said string) {
	switch {
	case d.op != "":
		d.arrow(d.lane(e.Task), "->>", d.lane(kernel), d.op)
		d.op = ""
		if e.Kind == "fault_begin" {
			d.note(d.lane(e.Task), said)
		}
	case e.Kind == "fault_begin", e.Op == 0:
		d.arrow(d.lane(e.Task), "->>", d.lane(kernel), said)
	}
}

func (d *diagram) answer(e *trace.Event) {
	entered := d.op == ""
	d.op = ""
	if answer := e.Str("answer"); entered && answer != "blocked" { // otherwise the statement only observes, or sleeps
		d.arrow(d.lane(kernel), "-->>", d.lane(e.Str("as")), "= "+answer)
	}
}

// text returns the diagram, with as many of its lines as the limits allow.
func (d *diagram) text() string {
	for n := min(maxLines, len(d.lines)); ; n = n * 9 / 10 {
		if text := d.draw(n); len(text) <= maxChars || n == 0 {
			return text
		}
	}
}

// draw returns the diagram with n of its lines, three quarters of them from the
// beginning, and the lanes that these need.
func (d *diagram) draw(n int) string {
	lines := d.lines
	if n < len(lines) {
		first, tail := d.lane(d.order[0]), n/4
		left := fmt.Sprintf("    Note over %s: %d lines are omitted here", first, len(lines)-n)
		lines = slices.Concat(lines[:n-tail], []line{{left, first, first}}, lines[len(lines)-tail:])
	}
	needed := map[string]bool{}
	for _, l := range lines {
		needed[l.from], needed[l.to] = true, true
	}
	var b strings.Builder
	b.WriteString("sequenceDiagram\n")
	for _, name := range d.order {
		if id := d.lanes[name]; needed[id] {
			fmt.Fprintf(&b, "    participant %s as %s\n", id, cmp.Or(escape(strings.TrimSpace(name)), nameless))
		}
	}
	for _, l := range lines {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// escape replaces the characters of Mermaid's own syntax by their numbers, and omits the
// text beyond maxText.
func escape(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range text {
		if n++; n > maxText {
			b.WriteString("…")
			break
		}
		switch {
		case strings.ContainsRune(`;#<>%"\`, r) || r < ' ':
			fmt.Fprintf(&b, "#%d;", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
