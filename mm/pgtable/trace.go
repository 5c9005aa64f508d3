package pgtable

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// traceEntry emits the new value of entry i of the table.
func (tb *Table) traceEntry(t *sim.Task, i int, entry Entry) {
	if !t.Tracing() {
		return
	}
	kind := tb.level.String() + "_set"
	if entry.None() {
		kind = tb.level.String() + "_clear"
	}
	at := tb.start + uint64(i)*tb.level.Span()
	t.Emit(sim.Event{Kind: kind, Object: fmt.Sprintf("%v[%d]", tb.level, i), Args: []sim.Arg{
		{Key: "mm", Value: tb.space}, {Key: "address", Value: at}, {Key: "entry", Value: uint64(entry)}, {Key: "bits", Value: entry.String()},
	}})
}

// traceSplit emits the split of a huge page: entry i of the table now points to pte.
func (tb *Table) traceSplit(t *sim.Task, i int, pte *Table) {
	if !t.Tracing() {
		return
	}
	first, second := uint64(pte.Peek(0)), uint64(pte.Peek(1))
	t.Emit(sim.Event{Kind: "pmd_split", Object: fmt.Sprintf("%v[%d]", tb.level, i), Args: []sim.Arg{
		{Key: "mm", Value: tb.space}, {Key: "address", Value: pte.start}, {Key: "entry", Value: first}, {Key: "step", Value: second - first},
	}})
}
