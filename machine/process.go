package machine

import "github.com/uffdsim/uffdsim/sim"

// Fork executes fork(2) and returns the child. The child has a copy of the address space,
// in which nothing is registered, and the parent's descriptors. An inherited userfaultfd
// still refers to the parent's address space (REF-4). The child has no task until
// [Process.Go] starts one. If the calling task is killed during the call, Fork frees the
// child, as copy_process does. The error is ENOMEM.
func (t *Task) Fork() (*Process, error) {
	t.enter("fork")
	parent := t.Process
	space, err := parent.MM.Fork(t.Task)
	if err != nil {
		return nil, t.leaveErr("fork", err)
	}
	files := parent.files.DupFd(t.Task)
	sim.Label(t.Task, files, "child files", t.Unique())
	child := parent.machine.newProcess(space, files)
	_, err = t.leaveOr("fork", uint64(child.PID), nil, func() { child.exit(t.Task) })
	return child, err
}

// Exit ends the task's process: exit_group(2). As in do_exit, it drops the reference to
// the address space and then closes the descriptors. The release of a userfaultfd
// therefore needs the context's own reference to the address space (REF-3). No other task
// of the process may be in the kernel.
func (t *Task) Exit() {
	t.enter("exit_group")
	t.Process.exit(t.Task)
}

// exit releases the resources of the process on behalf of t.
func (p *Process) exit(t *sim.Task) {
	p.MM.Put(t)
	p.files.CloseFiles(t)
}
