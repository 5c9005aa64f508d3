package mm

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// The events of an address space describe every change, so that a viewer can draw the
// address space from the events alone.

// trace emits a change of a VMA whose start was was until now.
func (v *VMA) trace(t *sim.Task, kind string, was uint64) {
	if !t.Tracing() {
		return
	}
	t.Emit(sim.Event{Kind: kind, Object: v.String(), Args: []sim.Arg{
		{Key: "mm", Value: v.mm.Name}, {Key: "was", Value: was}, {Key: "start", Value: v.Start}, {Key: "end", Value: v.End},
		{Key: "prot", Value: v.Flags.Prot()}, {Key: "backing", Value: v.Backing()},
		{Key: "uffd", Value: v.owner()}, {Key: "modes", Value: v.Flags.Modes()},
	}})
}

// TraceFlags emits a change of the VMA's flags or userfault context. mmap_lock must be
// held for writing.
func (v *VMA) TraceFlags(t *sim.Task) { v.trace(t, "vma_change", v.Start) }

// owner returns the name of the VMA's userfault context, "" if none.
func (v *VMA) owner() string {
	if v.Userfault == nil {
		return ""
	}
	return fmt.Sprint(v.Userfault)
}

// Backing returns the name of what is mapped: the name of the VMA's operations if it has
// any, or of its file, or "" for plain anonymous memory.
func (v *VMA) Backing() string {
	switch {
	case v.Ops != nil:
		return v.Ops.Name
	case v.File != nil:
		return v.File.Name
	}
	return ""
}

// Modes returns the names of the tracking modes in the flags: "missing", "missing+wp",
// "".
func (f VMFlags) Modes() string {
	var names []string
	if f&VMUffdMissing != 0 {
		names = append(names, "missing")
	}
	if f&VMUffdWP != 0 {
		names = append(names, "wp")
	}
	return strings.Join(names, "+")
}

// traceFault emits the beginning of a page fault.
func (mm *MM) traceFault(t *sim.Task, addr uint64, write bool) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "fault_begin", Object: mm.Name, Args: []sim.Arg{{Key: "address", Value: addr}, {Key: "write", Value: write}}})
	}
}

// trace emits the end of a page fault.
func (o Outcome) trace(t *sim.Task) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "fault_end", Args: []sim.Arg{{Key: "outcome", Value: o.String()}}})
	}
}
