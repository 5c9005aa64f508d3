package scenario

import (
	"errors"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// unmodelledOperations are the system calls that programs with userfaultfd use and that
// have no [Operation], each with the first release of Linux that has it.
var unmodelledOperations = map[string]string{
	"brk":              "1.0",
	"clone":            "1.0",
	"clone3":           "5.3",
	"execve":           "1.0",
	"fallocate":        "2.6.23",
	"ftruncate":        "1.0",
	"memfd_create":     "3.17",
	"mincore":          "2.3.99",
	"mlock":            "1.3.57",
	"mlock2":           "4.4",
	"mlockall":         "1.3.57",
	"mseal":            "6.10",
	"munlock":          "1.3.57",
	"munlockall":       "1.3.57",
	"open":             "1.0",
	"openat":           "2.6.16",
	"pidfd_getfd":      "5.6",
	"pread":            "2.1.60",
	"process_madvise":  "5.10",
	"process_vm_readv": "3.2",
	"pwrite":           "2.1.60",
	"remap_file_pages": "2.5.46",
	"shmat":            "1.0",
	"shmget":           "1.0",
	"vfork":            "2.2",
	"vmsplice":         "2.6.17",
}

// IsNotModelled reports whether the only problem of a scenario is that it uses something
// that Linux supports and the model does not. err is the error of [Run], of [NewSession],
// or a [*Finding].
func IsNotModelled(err error) bool {
	if mistakes, ok := errors.AsType[syntax.Errors](err); ok {
		for _, m := range mistakes {
			if _, ok := errors.AsType[*sim.NotModelled](m); !ok {
				return false
			}
		}
		return len(mistakes) > 0
	}
	_, ok := errors.AsType[*sim.NotModelled](err)
	return ok
}
