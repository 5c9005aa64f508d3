package conform

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

const canSupervise = true

// supervised returns the command that runs the program under a supervisor: this
// executable, with arguments that make it call [Supervise].
func supervised(supervisor, args []string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append(append([]string{os.Args[0]}, supervisor...), args...)
	return cmd
}

// Supervise runs the program of a [Command] with a Supervisor, and returns its exit
// status. When the program ends, or on SIGTERM, it kills every process that the program
// has started, directly or not. The process must do nothing else. It gets SIGTERM, too,
// when the process that started it ends, however that ends.
func Supervise(args []string) int {
	runtime.LockOSThread() // the program is killed when this thread ends
	const setChildSubreaper = 36
	if _, _, no := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); no != 0 {
		fmt.Fprintln(os.Stderr, "target: prctl(PR_SET_CHILD_SUBREAPER):", no)
		return exitNotStarted
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "target:", err)
		return exitNotStarted
	}
	ended, alone := make(chan int, 1), make(chan struct{})
	go reap(cmd.Process.Pid, ended, alone)
	status := exitNotStarted
	select {
	case status = <-ended:
	case <-stop:
	}
	killAll(alone)
	return status
}

// exitNotStarted is the exit status of a supervisor whose program did not end by itself.
const exitNotStarted = 127

// reap waits for all children, orphans included. It sends the exit status of the program,
// and closes alone when no child is left.
func reap(program int, ended chan<- int, alone chan<- struct{}) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.ECHILD:
			close(alone)
			return
		case pid == program && status.Signaled():
			ended <- 128 + int(status.Signal())
		case pid == program:
			ended <- status.ExitStatus()
		}
	}
}

// killAll kills the children of this process until none is left, or none that it may
// signal. The children of a killed child become children of this process. Only the kernel
// knows that none is left: a child may become one behind the back of a search through
// /proc.
func killAll(alone <-chan struct{}) {
	for {
		select {
		case <-alone:
			return
		default:
		}
		children, denied := childrenOf(os.Getpid()), 0
		for _, pid := range children {
			if syscall.Kill(pid, syscall.SIGKILL) == syscall.EPERM {
				denied++
			}
		}
		if denied > 0 && denied == len(children) { // they belong to another user
			return
		}
		select {
		case <-alone:
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// childrenOf returns the processes whose parent is the process, zombies included.
func childrenOf(parent int) (children []int) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// PID (NAME) STATE PPID ...; the name may contain anything
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 1 && string(fields[1]) == strconv.Itoa(parent) {
			children = append(children, pid)
		}
	}
	return children
}
