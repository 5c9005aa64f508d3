package live

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// slot is how the controller and one task communicate. The controller writes a command
// and increases seq; the task executes it and sets done. The assembly knows the offsets.
type slot struct {
	seq, taken, done uint32 // number of the command posted, begun and done; futexes
	sig              uint32 // the signal that ended a touch, 0 for none
	nr               int64  // system call, or one of the commands below
	args             [6]uint64
	ret              int64
	newslot          uint64 // address of the slot of the task that cmdSpawn makes
	at               uint64 // where a touch ended
	parent           uint32 // PID of the controller, without which the task exits
	code             uint64 // where the task begins
}

const (
	cmdCopy  = -1 // copy args[2] bytes to args[0] from args[1]
	cmdSpawn = -2 // clone(args[0], args[1]), whose child serves newslot
)

// post gives the task a command. The previous one must be done.
func (s *slot) post(nr int64, args ...uint64) {
	s.nr, s.sig, s.args = nr, 0, [6]uint64{}
	copy(s.args[:], args)
	atomic.AddUint32(&s.seq, 1)
	futexWake(&s.seq)
}

// finished reports whether the last command is done.
func (s *slot) finished() bool { return atomic.LoadUint32(&s.done) == atomic.LoadUint32(&s.seq) }

func futexWake(word *uint32) {
	const wake = 1
	_, _, _ = unix.RawSyscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wake, 1, 0, 0, 0)
}

// futexWait sleeps while the word has the value, for at most the limit.
func futexWait(word *uint32, value uint32, limit unix.Timespec) {
	const wait = 0
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(word)), wait, uintptr(value),
		uintptr(unsafe.Pointer(&limit)), 0, 0)
}

// startServer makes a task that serves the slot until the calling thread ends: clone(2).
func startServer(flags, stack, slot uintptr) (pid int64)

// lend copies bytes to the end of a pane, and returns their address, which is the same in
// the task.
func (t *task) lend(pane int, b []byte) uint64 {
	p := t.arena.pane(t.index, pane)
	at := p[len(p)-len(b):]
	copy(at, b)
	return uint64(address(p)) + uint64(len(p)-len(b))
}

// lent returns the last n bytes of a pane.
func (t *task) lent(pane, n int) []byte {
	p := t.arena.pane(t.index, pane)
	return p[len(p)-n:]
}
