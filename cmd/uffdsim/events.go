package main

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// formatEvent returns a line of --trace, such as "t1  handle_userfault  queue_add
// fault_pending_wqh  waiter=t1".
func formatEvent(e sim.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %-26s %-18s %s", e.Task, e.Func, e.Kind, e.Object)
	for _, a := range e.Args {
		if n, ok := a.Value.(uint64); ok && n > 9 {
			fmt.Fprintf(&b, " %s=%#x", a.Key, n)
			continue
		}
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
	}
	if e.Rule != "" {
		b.WriteString("  " + e.Rule)
	}
	return strings.TrimRight(b.String(), " ")
}
