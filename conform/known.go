package conform

import "slices"

// Difference is a deliberate difference between the model and the kernel, or a part in
// which they are not compared.
type Difference struct{ Name, Reason string }

// Known returns the known differences between the newest version and the kernel: none.
func Known() []Difference { return nil }

// NotCompared returns the parts of the kernel that the newest version does not model yet,
// and that no scenario uses.
func NotCompared() []Difference { return slices.Clone(notCompared) }

var notCompared = []Difference{
	{"write-protection", "UFFDIO_REGISTER_MODE_WP, UFFDIO_WRITEPROTECT and their features are not modelled"},
	{"minor faults", "UFFDIO_REGISTER_MODE_MINOR and UFFDIO_CONTINUE are not modelled"},
	{"poison", "UFFDIO_POISON is not modelled"},
	{"move", "UFFDIO_MOVE is not modelled"},
	{"events", "the messages of UFFD_FEATURE_EVENT_FORK, _REMAP, _REMOVE and _UNMAP are not modelled"},
	{"files, shared memory, hugetlb", "only anonymous private memory is compared"},
}
