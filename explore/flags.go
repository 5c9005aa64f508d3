package explore

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/uffd"
)

// Flags returns the flags of "uffdsim explore" that select the program, the kernel and
// the memory model. It omits those that select the strategy and the limits.
func (o Options) Flags() (flags string) {
	if o.Faulters != 0 {
		flags += fmt.Sprintf(" --faulters %d", o.Faulters)
	}
	if o.Version != "" && o.Version != DefaultVersion {
		flags += " --kernel " + o.Version
	}
	if o.TSO {
		flags += " --tso"
	}
	if o.Fix != "" {
		flags += " --fix " + o.Fix
	}
	var dropped []string
	for _, info := range uffd.Rules() {
		if o.Dropped.Has(info.Rule) {
			dropped = append(dropped, info.Name)
		}
	}
	if dropped != nil {
		flags += " --drop " + strings.Join(dropped, ",")
	}
	return flags
}
