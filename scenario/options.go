package scenario

import (
	"time"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// Options say how a scenario is run. The zero value runs it on the kernel that it
// asks for, under the controlled executor with seed 1.
type Options struct {
	// Kernel is the version to run on: a name that kernel.Resolve accepts. "" is what the
	// file's kernel directive says, or DefaultKernel.
	Kernel string
	// Profile is run instead of the one that Kernel names, if it is not nil.
	Profile *kernel.Profile
	// MmapMinAddr is vm.mmap_min_addr; 0 means the standard one.
	MmapMinAddr uint64
	// Seed chooses the interleaving; 0 means 1. The same seed gives the same run.
	Seed uint64
	// Free runs the tasks in parallel, as goroutines, instead.
	Free bool
	// Steps bounds the visible steps of one operation; 0 means DefaultSteps.
	Steps int
	// Timeout bounds an operation on the free executor; 0 means DefaultTimeout.
	Timeout time.Duration
	// Check holds the bookkeeping of mm and uffd against itself after every statement.
	Check bool
	// Trace collects the events of each statement.
	Trace bool
	// Dropped are the rules that the modelled kernel does not obey.
	Dropped rule.Set
	// Limits bound what the run may take.
	Limits Limits
}

// The defaults of Options.
const (
	DefaultKernel  = kernel.Default
	DefaultSteps   = 1_000_000
	DefaultTimeout = 30 * time.Second
)
