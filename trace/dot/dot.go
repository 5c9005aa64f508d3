// Package dot draws the state at the end of a run as a graph in Graphviz's language:
// which task waits for which, the mappings, and the page tables.
package dot

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/trace"
)

// Write draws the state at the end of the stream: the mappings and page tables of each
// address space, and the waiting tasks. For a failed run it draws the waiting tasks
// alone.
func Write(w io.Writer, s trace.Stream) error {
	var state trace.State
	for i := range s {
		state.Apply(&s[i])
	}
	var g graph
	g.line("digraph run {")
	g.line("    rankdir=LR; node [shape=box, fontname=monospace, fontsize=11]; edge [fontname=monospace, fontsize=10];")
	if state.Finding != "" {
		g.line("    label=%s; labelloc=t; fontname=monospace;", quote(state.Finding))
	}
	if waiting(&state) {
		g.waits(&state)
	}
	if state.Finding == "" {
		for _, sp := range state.Spaces {
			if !sp.Gone && len(sp.VMAs) > 0 {
				g.mappings(&state, sp)
				g.pageTable(sp)
			}
		}
	}
	g.line("}")
	_, err := io.WriteString(w, g.b.String())
	return err
}

type graph struct{ b strings.Builder }

func (g *graph) line(format string, args ...any) { fmt.Fprintf(&g.b, format+"\n", args...) }

// cluster draws a frame with a title around the output of inside.
func (g *graph) cluster(id, title string, inside func()) {
	g.line("    subgraph %s {", quote("cluster "+id))
	g.line("        label=%s; fontname=monospace; color=gray;", quote(title))
	inside()
	g.line("    }")
}

func (g *graph) node(id, label, more string) {
	g.line("        %s [label=%s%s];", quote(id), quote(label), more)
}

func (g *graph) edge(from, to, label string) {
	g.line("        %s -> %s [label=%s];", quote(from), quote(to), quote(label))
}

// quote returns text as a string of DOT, with the same line breaks. Graphviz ends a file
// at a NUL, and reads "&lt;" as HTML does.
func quote(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, text)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "&", "&amp;").Replace(text) + `"`
}

func waiting(s *trace.State) bool {
	return slices.ContainsFunc(s.Tasks, func(t *trace.Task) bool { return t.State == "asleep" || t.State == "waiting" })
}

// waits draws the waiting tasks: the locks that they wait for, the tasks that hold these,
// and the queues in which they sleep.
func (g *graph) waits(s *trace.State) {
	g.cluster("waits", "waiting tasks", func() {
		locks := map[string]bool{}
		for _, t := range s.Tasks {
			if t.State != "asleep" && t.State != "waiting" && len(t.Holds) == 0 {
				continue
			}
			label := t.Name + "\n" + t.State
			if t.Sleep != "" {
				label += "\n" + t.Sleep
			}
			g.node("task "+t.Name, label, ", style=rounded")
			if t.Waits != "" {
				locks[t.Waits] = true
				g.edge("task "+t.Name, "lock "+t.Waits, "waits for")
			}
			for _, held := range t.Holds {
				lock, how := held, "held by"
				if i := strings.LastIndex(held, " ("); i >= 0 {
					lock, how = held[:i], how+held[i:]
				}
				locks[lock] = true
				g.edge("lock "+lock, "task "+t.Name, how)
			}
		}
		for _, lock := range slices.Sorted(maps.Keys(locks)) {
			g.node("lock "+lock, lock, ", shape=octagon")
		}
		for _, c := range s.Contexts {
			g.queues(s, c)
		}
	})
}

// queues draws the queues of a context that are not empty.
func (g *graph) queues(s *trace.State, c *trace.Context) {
	for i, queue := range c.Queues {
		if len(queue) == 0 {
			continue
		}
		id := "queue " + c.Name + " " + trace.QueueNames()[i]
		state := c.State
		if c.Released {
			state = "released"
		}
		if c.Freed {
			state = "freed"
		}
		g.node(id, fmt.Sprintf("%s of %s\n%s, %d references", trace.QueueNames()[i], c.Label(), state, c.Refs), ", shape=cds")
		if t := s.Task(c.Releaser); t != nil && t.Func != "" { // the release is in progress, and no other task can wake them
			g.edge(id, "task "+t.Name, "woken by its release")
		}
		for _, waiter := range queue {
			task, address, _ := strings.Cut(waiter, "@")
			if s.Task(task) != nil {
				g.edge("task "+task, id, address)
			}
		}
	}
}

// mappings draws the VMAs in their order, and the contexts that get their faults.
func (g *graph) mappings(s *trace.State, sp *trace.Space) {
	g.cluster("mappings "+sp.Name, "mappings of "+sp.Name, func() {
		before := ""
		for _, v := range sp.VMAs {
			id := fmt.Sprintf("vma %s %#x", sp.Name, v.Start)
			g.node(id, strings.TrimRight(fmt.Sprintf("%#x-%#x\n%s %s", v.Start, v.End, v.Prot, v.Backing), " "), "")
			if before != "" {
				g.edge(before, id, "next")
			}
			before = id
			if c := s.Context(v.Owner); c != nil {
				g.node("context "+c.Name, c.Label()+"\n"+c.State, ", shape=ellipse")
				g.edge(id, "context "+c.Name, v.Modes)
			}
		}
	})
}

// maxEntries is the number of entries of a table that are drawn.
const maxEntries = 12

// pageTable draws the tables, with those of their entries that are not none.
func (g *graph) pageTable(sp *trace.Space) {
	if len(sp.Entries) == 0 {
		return
	}
	g.cluster("page table "+sp.Name, "page table of "+sp.Name, func() {
		slots := slices.SortedFunc(maps.Keys(sp.Entries), func(a, b trace.Slot) int {
			return slices.Compare([]uint64{a.Address, uint64(levelShift[b.Level])}, []uint64{b.Address, uint64(levelShift[a.Level])})
		})
		tables, levels := map[string][]string{}, map[string]string{}
		var order []string
		for _, slot := range slots {
			shift := levelShift[slot.Level]
			table := fmt.Sprintf("%s %s %#x", sp.Name, slot.Level, slot.Address>>(shift+9)<<(shift+9))
			if tables[table] == nil {
				order = append(order, table)
				levels[table] = slot.Level
			}
			index, entry := slot.Address>>shift&511, sp.Entries[slot]
			tables[table] = append(tables[table], fmt.Sprintf("[%d] %s", index, entry.Bits))
			if lower := below[slot.Level]; lower != "" && !strings.Contains(entry.Bits, "huge") && len(tables[table]) <= maxEntries {
				g.edge(table, fmt.Sprintf("%s %s %#x", sp.Name, lower, slot.Address), fmt.Sprintf("[%d]", index))
			}
		}
		for _, table := range order {
			entries := tables[table]
			if len(entries) > maxEntries {
				entries = append(entries[:maxEntries:maxEntries], fmt.Sprintf("and %d more", len(tables[table])-maxEntries))
			}
			g.node(table, levels[table]+" table\n"+strings.Join(entries, "\n"), "")
		}
	})
}

// The levels of the page table: the number of address bits below an entry, and the next
// level.
var (
	levelShift = map[string]uint{"pgd": 39, "pud": 30, "pmd": 21, "pte": 12}
	below      = map[string]string{"pgd": "pud", "pud": "pmd", "pmd": "pte"}
)
