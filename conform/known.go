package conform

import "slices"

// Difference is something in which the model deliberately does not do as the kernel does, or
// in which the two are not held against one another.
type Difference struct{ Name, Reason string }

// Known returns the answers that the newest version is known to give and the kernel does not:
// none.
func Known() []Difference { return nil }

// NotCompared returns what the newest version does not have yet and no scenario asks for.
func NotCompared() []Difference { return slices.Clone(notCompared) }

var notCompared = []Difference{
	{"write-protection", "UFFDIO_REGISTER_MODE_WP, UFFDIO_WRITEPROTECT and their features are not modelled"},
	{"minor faults", "UFFDIO_REGISTER_MODE_MINOR and UFFDIO_CONTINUE are not modelled"},
	{"poison", "UFFDIO_POISON is not modelled"},
	{"move", "UFFDIO_MOVE is not modelled"},
	{"events", "the messages of UFFD_FEATURE_EVENT_FORK, _REMAP, _REMOVE and _UNMAP are not modelled"},
	{"files, shared memory, hugetlb", "only anonymous private memory is compared"},
}
