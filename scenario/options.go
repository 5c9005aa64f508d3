package scenario

import (
	"time"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// Options choose how a scenario runs. The zero value runs it on the kernel of its
// directive, on the controlled executor with seed 1.
type Options struct {
	// Kernel is the version to run on: a name that kernel.Resolve accepts. "" means the
	// version of the file's kernel directive, or DefaultKernel.
	Kernel string
	// Profile is used instead of Kernel, if it is not nil.
	Profile *kernel.Profile
	// MmapMinAddr is vm.mmap_min_addr in bytes; 0 means the default.
	MmapMinAddr uint64
	// Seed chooses the interleaving; 0 means 1. The same seed gives the same run.
	Seed uint64
	// Free runs the tasks in parallel, as goroutines, on the free executor.
	Free bool
	// Steps bounds the visible steps of one operation; 0 means DefaultSteps.
	Steps int
	// Timeout bounds an operation on the free executor; 0 means DefaultTimeout.
	Timeout time.Duration
	// Check checks after every statement that the data structures of mm and uffd agree.
	Check bool
	// Trace collects the events of each statement.
	Trace bool
	// Dropped are the rules that the modelled kernel does not follow.
	Dropped rule.Set
	// Limits bound the resources of the run.
	Limits Limits
}

// The defaults of Options.
const (
	DefaultKernel  = kernel.Default
	DefaultSteps   = 1_000_000
	DefaultTimeout = 30 * time.Second
)

// complete sets the options that are not set, and returns the profile to run on.
func (opts *Options) complete(program *program) (profile kernel.Profile, err error) {
	if opts.Kernel == "" {
		opts.Kernel = program.kernel
	}
	if err := uffd.CheckDropped(opts.Dropped); err != nil {
		return kernel.Profile{}, err
	}
	if opts.Profile != nil {
		profile = *opts.Profile
	} else {
		if profile, err = kernel.Resolve(opts.Kernel); err != nil {
			return kernel.Profile{}, err
		}
		opts.Kernel = profile.Name
	}
	if opts.Seed == 0 {
		opts.Seed = 1
	}
	if opts.Timeout == 0 {
		opts.Timeout = DefaultTimeout
	}
	return profile, nil
}
