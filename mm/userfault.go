package mm

import "github.com/uffdsim/uffdsim/sim"

// Userfault is what a VMA's userfault context does for memory management: the hooks that
// linux/userfaultfd_k.h declares, which the kernel calls by their names and this package
// through the VMA. A fault is the only one so far. The methods for fork (dup_userfaultfd and
// its completion), mremap (prep, complete and fail), userfaultfd_remove and unmap (prep and
// complete) come with the first call of each.
type Userfault interface {
	// HandleUserfault is called with mmap_lock held for reading when an access meets
	// what the context tracks (reason: VMUffdMissing or VMUffdWP). If the result has
	// VMFaultRetry and the fault's flags do not have FaultRetryNowait, mmap_lock has been
	// dropped. vmf is valid until HandleUserfault returns.
	HandleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult
}

// handleUserfault hands the fault to the VMA's context. Without one it is SIGBUS
// (FAULT-1). mmap_lock is held for reading, the table's lock is not.
func handleUserfault(t *sim.Task, vmf *Fault, reason VMFlags) FaultResult {
	if vmf.VMA.Userfault == nil {
		return VMFaultSIGBUS
	}
	return vmf.VMA.Userfault.HandleUserfault(t, vmf, reason)
}

// UffdOps is what a type of memory does for userfaultfd: vm_uffd_ops. A type without it
// can neither be registered nor filled.
type UffdOps struct {
	// Modes are the VMUffd flags that the memory can be registered with.
	Modes VMFlags
}

// anonUffdOps is the one of anonymous memory: anon_uffd_ops.
var anonUffdOps = &UffdOps{Modes: VMUffdMissing}

// UffdOps returns what the VMA's type of memory does for userfaultfd, nil for nothing:
// vma_uffd_ops.
func (v *VMA) UffdOps() *UffdOps {
	if v.IsAnonymous() {
		return anonUffdOps
	}
	return v.Ops.Uffd
}

// CanUserfault reports whether the VMA's type of memory can be registered with the modes,
// which are VMUffd flags: vma_can_userfault. No modes ask for what unregister needs.
func (v *VMA) CanUserfault(modes VMFlags) bool {
	ops := v.UffdOps()
	return ops != nil && modes&^ops.Modes == 0
}
