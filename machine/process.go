package machine

import "github.com/uffdsim/uffdsim/sim"

// Fork is fork(2): a child with a copy of the address space, in which nothing is
// registered, and with the parent's descriptors. A userfaultfd among them still
// works on the parent's memory (REF-4). The error is ENOMEM. The child has no task
// until [Process.Go] starts one, and so there is none if the parent is killed before it
// could: copy_process takes back what it has made.
func (t *Task) Fork() (*Process, error) {
	t.enter("fork")
	parent := t.Process
	space, err := parent.MM.Fork(t.Task)
	if err != nil {
		return nil, t.leaveErr("fork", err)
	}
	child := parent.machine.newProcess(space, parent.files.DupFd(t.Task))
	_, err = t.leaveOr("fork", uint64(child.PID), nil, func() { child.exit(t.Task) })
	return child, err
}

// Exit ends the task's process: its hold on the address space is dropped, and then its
// descriptors are closed, in the order of do_exit. So the release of a userfaultfd finds
// the address space only because the context holds it, too (REF-3). The process must have
// no other task in the kernel.
func (t *Task) Exit() {
	t.enter("exit_group")
	t.Process.exit(t.Task)
}

func (p *Process) exit(t *sim.Task) {
	p.MM.Put(t)
	p.files.CloseFiles(t)
}
