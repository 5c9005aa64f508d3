package mm

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// What traces tell of an address space is told here: enough to draw it from the events alone.

// trace records what has become of a VMA, which began at an address until now.
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

// TraceFlags records that the VMA's flags or its context have changed.
func (v *VMA) TraceFlags(t *sim.Task) { v.trace(t, "vma_change", v.Start) }

// owner is the name of the context that has the VMA, "" for none.
func (v *VMA) owner() string {
	if v.Userfault == nil {
		return ""
	}
	return fmt.Sprint(v.Userfault)
}

// Backing is what is mapped: "" for plain anonymous memory, the name of the file or of its
// operations otherwise.
func (v *VMA) Backing() string {
	switch {
	case v.Ops != nil:
		return v.Ops.Name
	case v.File != nil:
		return v.File.Name
	}
	return ""
}

// Modes names what the flags have a context track: "missing", "missing+wp", "".
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

func (mm *MM) traceFault(t *sim.Task, addr uint64, write bool) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "fault_begin", Object: mm.Name, Args: []sim.Arg{{Key: "address", Value: addr}, {Key: "write", Value: write}}})
	}
}

func (o Outcome) trace(t *sim.Task) {
	if t.Tracing() {
		t.Emit(sim.Event{Kind: "fault_end", Args: []sim.Arg{{Key: "outcome", Value: o.String()}}})
	}
}
