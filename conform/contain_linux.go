package conform

import "syscall"

// endWithThread requests a signal for the program at the end of the thread that starts
// it.
func endWithThread(a *syscall.SysProcAttr, sig syscall.Signal) { a.Pdeathsig = sig }
