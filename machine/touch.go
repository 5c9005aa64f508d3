package machine

import (
	"github.com/uffdsim/uffdsim/mm"
)

// Load executes a load of len(buf) bytes at addr in user mode. The outcomes SegFault and
// BusError represent the signals of a failed access; the second result is then the
// address that failed.
func (t *Task) Load(addr uint64, buf []byte) (mm.Outcome, uint64) {
	outcome, at := t.Process.MM.Load(t.Task, addr, buf)
	return t.touched("load", outcome, at)
}

// Store executes a store of data at addr in user mode. Its results are those of
// [Task.Load].
func (t *Task) Store(addr uint64, data []byte) (mm.Outcome, uint64) {
	outcome, at := t.Process.MM.Store(t.Task, addr, data)
	return t.touched("store", outcome, at)
}

// touched returns its arguments, or ends the task if a fatal signal ended the access.
func (t *Task) touched(access string, outcome mm.Outcome, at uint64) (mm.Outcome, uint64) {
	if outcome == mm.Killed {
		_, _ = t.leave(access, at, nil) // does not return
	}
	return outcome, at
}

// CopyFromUser executes an access by kernel mode: a made-up system call that reads
// len(dst) bytes of the caller's memory at addr and does nothing else. It returns EFAULT
// if some byte cannot be read.
func (t *Task) CopyFromUser(dst []byte, addr uint64) error {
	t.enter("copy_from_user", addr, uint64(len(dst)))
	return t.leaveErr("copy_from_user", mm.CopyFromUser(t.Task, dst, addr))
}

// CopyToUser executes an access by kernel mode: a made-up system call that writes src to
// the caller's memory at addr and does nothing else. It returns EFAULT if some byte
// cannot be written.
func (t *Task) CopyToUser(addr uint64, src []byte) error {
	t.enter("copy_to_user", addr, uint64(len(src)))
	return t.leaveErr("copy_to_user", mm.CopyToUser(t.Task, addr, src))
}
