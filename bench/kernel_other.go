//go:build !linux

package bench

import "errors"

// KernelVersion is the running kernel's: "" where it has no userfaultfd.
func KernelVersion() string { return "" }

func newKernel(bool, int) (world, error) {
	return nil, errors.New("userfaultfd: only Linux has it")
}

func onKernel(part func() (float64, error)) (float64, error) { return part() }
