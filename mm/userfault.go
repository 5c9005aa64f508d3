package mm

import "github.com/uffdsim/uffdsim/sim"

// Userfault is a userfault context as memory management uses it. Its methods are the
// hooks of linux/userfaultfd_k.h, which the kernel calls by name and this package through
// the VMA. The hooks for events need mmap_lock, for writing except for Remove. Events are
// not modelled: if the handshake asked for the event, the hook panics with a
// [*sim.NotModelled]; otherwise it does nothing, as in the kernel.
type Userfault interface {
	// HandleUserfault handles a fault on an address that the context tracks:
	// handle_userfault. reason is VMUffdMissing or VMUffdWP. mmap_lock must be held for
	// reading. If the result has VMFaultRetry it was dropped, unless the fault's flags
	// have FaultRetryNowait. vmf is valid until HandleUserfault returns.
	HandleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult
	// DupUserfaultfd is called for each registered VMA that a fork copies:
	// dup_userfaultfd.
	DupUserfaultfd(t *sim.Task)
	// MremapPrep is called when mremap has moved a registered VMA:
	// mremap_userfaultfd_prep.
	MremapPrep(t *sim.Task)
	// Remove is called before madvise drops pages of a registered VMA:
	// userfaultfd_remove.
	Remove(t *sim.Task)
	// UnmapPrep is called before a registered VMA is unmapped: userfaultfd_unmap_prep.
	UnmapPrep(t *sim.Task)
}

// handleUserfault passes the fault to the VMA's context. Without a context it returns
// VMFaultSIGBUS (FAULT-1). mmap_lock must be held for reading, and no page-table lock.
func handleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult {
	if vmf.VMA.Userfault == nil {
		return VMFaultSIGBUS
	}
	return vmf.VMA.Userfault.HandleUserfault(t, vmf, reason)
}

// UffdOps are the operations of a type of memory for userfaultfd: struct vm_uffd_ops of
// recent kernels. Memory of a type without them can neither be registered nor filled.
type UffdOps struct {
	// Modes are the VMUffd flags that the memory can be registered with.
	Modes VMFlags
}

// anonUffdOps are the operations of anonymous memory: anon_uffd_ops.
var anonUffdOps = &UffdOps{Modes: VMUffdMissing | VMUffdWP}

// UffdOps returns the userfaultfd operations of the VMA's type of memory, nil if none:
// vma_uffd_ops.
func (v *VMA) UffdOps() *UffdOps {
	if v.IsAnonymous() {
		return anonUffdOps
	}
	return v.Ops.Uffd
}

// IsShmem reports whether the VMA maps shared memory: vma_is_shmem.
func (v *VMA) IsShmem() bool { return v.Ops == shmemVMOperations }

// CanUserfault reports whether the VMA's type of memory can be registered with the modes,
// which are VMUffd flags: vma_can_userfault. With no modes it reports whether the memory
// can be registered at all, which unregister checks.
func (v *VMA) CanUserfault(modes VMFlags) bool {
	ops := v.UffdOps()
	return ops != nil && modes&^ops.Modes == 0
}
