package conform

import "syscall"

func endWithThread(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
