package mm

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// This file lists what Linux supports and the model does not. It is listed whatever the
// version: an older kernel ignores the flag or returns EINVAL.

// The mapping flags that are not modelled, with Linux's values.
const (
	MapDroppable MapFlags = 0x8 // in MapType
	Map32Bit     MapFlags = 0x40
	MapAbove4G   MapFlags = 0x80
	MapPopulate  MapFlags = 0x8000
	MapHugeTLB   MapFlags = 0x40000
)

// unmodelled panics with a [*sim.NotModelled] if one of the flags is not modelled.
func (f MapFlags) unmodelled(t *sim.Task) {
	switch {
	case f&MapType == MapDroppable:
		sim.Unmodelled(t, "MAP_DROPPABLE", "6.11")
	case f&MapHugeTLB != 0:
		sim.Unmodelled(t, "MAP_HUGETLB", "2.6.32")
	case f&MapPopulate != 0:
		sim.Unmodelled(t, "MAP_POPULATE", "2.5.46")
	case f&Map32Bit != 0:
		sim.Unmodelled(t, "MAP_32BIT", "2.4.20")
	case f&MapAbove4G != 0:
		sim.Unmodelled(t, "MAP_ABOVE4G", "6.6")
	}
}

// MremapDontUnmap is a flag of mremap that is not modelled.
const MremapDontUnmap MremapFlags = 0x4

// unmodelled panics with a [*sim.NotModelled] if one of the flags is not modelled.
func (f MremapFlags) unmodelled(t *sim.Task) {
	if f&^(MremapMayMove|MremapFixed) == MremapDontUnmap {
		sim.Unmodelled(t, "MREMAP_DONTUNMAP", "5.7")
	}
}

// UnmodelledAdvice is advice that is not modelled.
type UnmodelledAdvice struct {
	Name   string // "MADV_FREE"
	Advice Advice
	Since  string // the first release of Linux that supports it
}

// UnmodelledAdvices returns the advice that is not modelled. The caller owns the slice.
func UnmodelledAdvices() []UnmodelledAdvice {
	return slices.Clone(unmodelledAdvices)
}

var unmodelledAdvices = []UnmodelledAdvice{
	{"MADV_FREE", 8, "4.5"},
	{"MADV_REMOVE", 9, "2.6.16"},
	{"MADV_MERGEABLE", 12, "2.6.32"},
	{"MADV_UNMERGEABLE", 13, "2.6.32"},
	{"MADV_WIPEONFORK", 18, "4.14"},
	{"MADV_KEEPONFORK", 19, "4.14"},
	{"MADV_COLD", 20, "5.4"},
	{"MADV_PAGEOUT", 21, "5.4"},
	{"MADV_DONTNEED_LOCKED", 24, "5.18"},
	{"MADV_COLLAPSE", 25, "6.1"},
	{"MADV_HWPOISON", 100, "2.6.32"},
	{"MADV_SOFT_OFFLINE", 101, "2.6.33"},
	{"MADV_GUARD_INSTALL", 102, "6.13"},
	{"MADV_GUARD_REMOVE", 103, "6.13"},
}

// unmodelled panics with a [*sim.NotModelled] if the advice is not modelled.
func (a Advice) unmodelled(t *sim.Task) {
	for i := range unmodelledAdvices {
		if unmodelledAdvices[i].Advice == a {
			sim.Unmodelled(t, unmodelledAdvices[i].Name, unmodelledAdvices[i].Since)
		}
	}
}
