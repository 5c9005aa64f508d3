//go:build unix && !linux

package conform

import "syscall"

func endWithThread(*syscall.SysProcAttr, syscall.Signal) {}
