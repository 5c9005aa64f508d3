package machine

import (
	"github.com/uffdsim/uffdsim/mm"
)

// Load is a load by user mode of len(buf) bytes at addr. SegFault and BusError stand
// for the signal that the access got; the address is where.
func (t *Task) Load(addr uint64, buf []byte) (mm.Outcome, uint64) {
	outcome, at := t.Process.MM.Load(t.Task, addr, buf)
	return t.touched("load", outcome, at)
}

// Store is a store by user mode, the counterpart of [Task.Load].
func (t *Task) Store(addr uint64, data []byte) (mm.Outcome, uint64) {
	outcome, at := t.Process.MM.Store(t.Task, addr, data)
	return t.touched("store", outcome, at)
}

func (t *Task) touched(what string, outcome mm.Outcome, at uint64) (mm.Outcome, uint64) {
	if outcome == mm.Killed {
		_, _ = t.leave(what, at, nil) // does not return
	}
	return outcome, at
}

// CopyFromUser is a system call that does nothing but read the caller's memory, as
// write(2) to a pipe does: a touch by kernel mode. The error is EFAULT.
func (t *Task) CopyFromUser(dst []byte, addr uint64) error {
	t.enter("copy_from_user", addr, uint64(len(dst)))
	return t.leaveErr("copy_from_user", mm.CopyFromUser(t.Task, dst, addr))
}

// CopyToUser is a system call that does nothing but write to the caller's memory, as
// read(2) from a pipe does. The error is EFAULT.
func (t *Task) CopyToUser(addr uint64, src []byte) error {
	t.enter("copy_to_user", addr, uint64(len(src)))
	return t.leaveErr("copy_to_user", mm.CopyToUser(t.Task, addr, src))
}
