package uffd

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// This file lists what the kernels that the facts describe support and the model does
// not.

// unmodelledIoctls are the ioctls that some kernels have and the model lacks.
var unmodelledIoctls = []struct {
	name, since string
	cmd         uint32
	mask        uint64
}{
	{"UFFDIO_WRITEPROTECT", "5.7", abi.UFFDIO_WRITEPROTECT, abi.MaskWriteprotect},
	{"UFFDIO_CONTINUE", "5.13", abi.UFFDIO_CONTINUE, abi.MaskContinue},
	{"UFFDIO_POISON", "6.6", abi.UFFDIO_POISON, abi.MaskPoison},
	{"UFFDIO_MOVE", "6.8", abi.UFFDIO_MOVE, abi.MaskMove},
}

// unmodelledIoctl panics with a [*sim.NotModelled] if the kernel has the ioctl and the
// model does not. Otherwise the ioctl is unknown to the kernel, too.
func (c *Ctx) unmodelledIoctl(t *sim.Task, cmd uint32) {
	for i := range unmodelledIoctls {
		if u := &unmodelledIoctls[i]; u.cmd == cmd && c.facts.Offers(u.mask) {
			sim.Unmodelled(t, u.name, u.since)
		}
	}
}

// unmodelledMemory panics with a [*sim.NotModelled] if the kernel can register the VMA's
// type of memory and the model cannot.
func (c *Ctx) unmodelledMemory(t *sim.Task, vma *mm.VMA) {
	if vma.IsShmem() && c.facts.Features&abi.FeatureMissingShmem != 0 {
		sim.Unmodelled(t, "registering shared memory", "4.11")
	}
}

// DupUserfaultfd implements [mm.Userfault]: dup_userfaultfd, for a context without
// UFFD_FEATURE_EVENT_FORK.
func (c *Ctx) DupUserfaultfd(t *sim.Task) {
	c.unmodelledEvent(t, abi.FeatureEventFork, "UFFD_EVENT_FORK")
}

// MremapPrep implements [mm.Userfault]: mremap_userfaultfd_prep, for a context without
// UFFD_FEATURE_EVENT_REMAP.
func (c *Ctx) MremapPrep(t *sim.Task) {
	c.unmodelledEvent(t, abi.FeatureEventRemap, "UFFD_EVENT_REMAP")
}

// Remove implements [mm.Userfault]: userfaultfd_remove, for a context without
// UFFD_FEATURE_EVENT_REMOVE.
func (c *Ctx) Remove(t *sim.Task) {
	c.unmodelledEvent(t, abi.FeatureEventRemove, "UFFD_EVENT_REMOVE")
}

// UnmapPrep implements [mm.Userfault]: userfaultfd_unmap_prep, for a context without
// UFFD_FEATURE_EVENT_UNMAP.
func (c *Ctx) UnmapPrep(t *sim.Task) {
	c.unmodelledEvent(t, abi.FeatureEventUnmap, "UFFD_EVENT_UNMAP")
}

// unmodelledEvent panics with a [*sim.NotModelled] if the handshake asked for the event.
func (c *Ctx) unmodelledEvent(t *sim.Task, feature uint64, event string) {
	if c.hasFeature(feature) {
		sim.Unmodelled(t, event, "4.11")
	}
}
