package explore

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/uffd"
)

// Flags are those of the explore command that say what the options explore; not how far, nor
// by what means.
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
