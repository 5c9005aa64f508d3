package uffd

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// KernelFuncs returns, for every function of fs/userfaultfd.c of early 2015 and for the
// ioctls of later kernels that the model has, the Go function that recreates it. The
// slice is the caller's own.
func KernelFuncs() []sim.KernelFunc { return slices.Clone(kernelFuncs) }

var kernelFuncs = sim.KernelFuncs(
	sim.KernelFunc{Name: "userfaultfd_wake_function", Go: userfaultfdWakeFunction},
	sim.KernelFunc{Name: "userfaultfd_ctx_get", Go: (*Ctx).get},
	sim.KernelFunc{Name: "userfaultfd_ctx_put", Go: (*Ctx).put},
	sim.KernelFunc{Name: "msg_init", Go: msgInit},
	sim.KernelFunc{Name: "userfault_msg", Go: (*Ctx).userfaultMsg},
	sim.KernelFunc{Name: "userfaultfd_must_wait", Go: (*Ctx).mustWait},
	sim.KernelFunc{Name: "handle_userfault", Go: (*Ctx).HandleUserfault},
	sim.KernelFunc{Name: "userfaultfd_release", Go: userfaultfdRelease},
	sim.KernelFunc{Name: "find_userfault", Go: (*Ctx).findUserfault},
	sim.KernelFunc{Name: "userfaultfd_poll", Go: userfaultfdPoll},
	sim.KernelFunc{Name: "userfaultfd_ctx_read", Go: (*Ctx).ctxRead},
	sim.KernelFunc{Name: "userfaultfd_read", Go: userfaultfdRead},
	sim.KernelFunc{Name: "__wake_userfault", Go: (*Ctx).wakeUserfaultSlow},
	sim.KernelFunc{Name: "wake_userfault", Go: (*Ctx).wakeUserfault},
	sim.KernelFunc{Name: "validate_range", Go: (*Ctx).validateRange},
	sim.KernelFunc{Name: "userfaultfd_register", Go: userfaultfdRegister},
	sim.KernelFunc{Name: "userfaultfd_unregister", Go: userfaultfdUnregister},
	sim.KernelFunc{Name: "userfaultfd_wake", Go: userfaultfdWake},
	sim.KernelFunc{Name: "userfaultfd_api", Go: userfaultfdAPI},
	sim.KernelFunc{Name: "userfaultfd_ioctl", Go: userfaultfdIoctl},
	sim.KernelFunc{Name: "userfaultfd_show_fdinfo", Go: userfaultfdShowFdinfo},
	sim.KernelFunc{Name: "init_once_userfaultfd_ctx", Go: (*Ctx).initOnce},
	sim.KernelFunc{Name: "userfaultfd_file_create", Go: FileCreate},
	sim.KernelFunc{Name: "sys_userfaultfd", Go: Userfaultfd},
	sim.KernelFunc{Name: "userfaultfd_copy", Go: userfaultfdCopy},
	sim.KernelFunc{Name: "userfaultfd_zeropage", Go: userfaultfdZeropage},
)
