package mm

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
