//go:build !linux

package bench

import "errors"

// KernelVersion returns "": this system has no userfaultfd.
func KernelVersion() string { return "" }

func newKernel(bool, int) (world, error) {
	return nil, errors.New("userfaultfd: only Linux has it")
}

func onKernel(part func() (float64, error)) (float64, error) { return part() }
