package live

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uffdsim/uffdsim/scenario"
	"golang.org/x/sys/unix"
)

// errDead is the error of a command whose task was killed by the scenario or the
// controller.
var errDead = errors.New("the task is dead")

// task is a process that serves a slot.
type task struct {
	arena *arena
	index int
	pid   int
	stat  int // descriptor of /proc/PID/stat
	pipe  *pipe
	// asleep is called when the task seems to sleep in a command. It may be nil.
	asleep func()
	// condemned is set before the scenario or the controller kills the task: any other
	// death comes from outside.
	condemned atomic.Bool

	mu    sync.Mutex
	dead  bool  // protected by mu
	cause error // why the task died, if the scenario did not kill it; protected by mu
}

// newTask returns the task that clone(2) made for the slot. If it fails, it kills the
// task and frees the slot.
func (a *arena) newTask(index int, pid int) (*task, error) {
	t := &task{arena: a, index: index, pid: pid, stat: -1}
	var err error
	t.stat, err = unix.Open(fmt.Sprintf("/proc/%d/stat", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.kill()
		t.release()
		return nil, fmt.Errorf("no /proc of the task: %w", err)
	}
	return t, nil
}

func (t *task) slot() *slot { return t.arena.slot(t.index) }

// Flags of clone(2) for tasks that share memory and descriptors, and for processes that
// share neither. All are children of the controller, so that it can wait for them.
const (
	shareAll = unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_FS | unix.CLONE_PARENT
	shareNo  = unix.CLONE_PARENT
)

// spawn makes the task clone another one. The error is [scenario.ErrNoRoom] if no slot is
// free or the kernel has no room, and [scenario.ErrInterference] if the task died.
func (t *task) spawn(flags uint64) (*task, error) {
	i, err := t.arena.take()
	if err != nil {
		return nil, err
	}
	stack := t.arena.stackTop(i)
	s := t.slot()
	s.newslot = uint64(address(t.arena.slots)) + uint64(i*slotSize)
	ret, err := t.command(cmdSpawn, flags, uint64(stack))
	if err != nil { // the slot stays in use: t may have died after it made a task for it
		return nil, fmt.Errorf("clone: %w", err)
	}
	if ret < 0 {
		t.arena.used[i] = false
		return nil, fmt.Errorf("%w: clone: %w", scenario.ErrNoRoom, unix.Errno(-ret))
	}
	return t.arena.newTask(i, int(ret))
}

// The controller polls a word spins times before it sleeps on it. It sleeps for
// firstWait, then twice as long each time, up to lastWait, and checks the task's state in
// between.
const (
	spins     = 50
	firstWait = 30 * time.Microsecond
	lastWait  = 20 * time.Millisecond
)

// maxStops is how many checks in a row, about lastWait apart, may find a task stopped by
// a signal or a debugger: five seconds in all. Checks are counted, not time: a controller
// that is stopped with its tasks (Ctrl-Z) makes none. Tests set it.
var maxStops = 250

// command has the task execute a command, and waits until it is done. The error is
// errDead, or [scenario.ErrInterference] with the reason.
func (t *task) command(nr int64, args ...uint64) (ret int64, err error) {
	if err := t.death(); err != nil {
		return 0, err
	}
	s := t.slot()
	s.post(nr, args...)
	for range spins {
		if s.finished() {
			return s.ret, nil
		}
	}
	stops := 0
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		done := atomic.LoadUint32(&s.done)
		if s.finished() {
			return s.ret, nil
		}
		if t.asleep != nil && t.blocked() {
			t.asleep()
			wait = lastWait
		}
		futexWait(&s.done, done, unix.NsecToTimespec(int64(wait)))
		if s.finished() {
			continue
		}
		if t.death() == nil {
			switch state := t.state(); {
			case state == 'Z':
				t.reap()
			case state == 'T' || state == 't':
				wait = lastWait
				if stops++; stops >= maxStops {
					t.abandon(fmt.Errorf("%w: process %d is stopped (state %c), by SIGSTOP or a debugger",
						scenario.ErrInterference, t.pid, state))
				}
			default:
				stops = 0
			}
		}
		if err := t.death(); err != nil {
			return 0, err
		}
	}
}

// state returns the task's state as /proc shows it: 'R', 'S', 'D', 'T', 't', 'Z', or '?'.
func (t *task) state() byte {
	var b [128]byte
	n, err := unix.Pread(t.stat, b[:], 0)
	if err != nil {
		return 'Z' // it has been reaped
	}
	i := bytes.LastIndexByte(b[:n], ')')
	if i < 0 || i+2 >= n {
		return '?'
	}
	return b[i+2]
}

// blocked reports whether the task sleeps in its command. A task without a command
// sleeps, too; so the command must be the same, and not done, before and after the check
// of the state.
func (t *task) blocked() bool {
	s := t.slot()
	command := atomic.LoadUint32(&s.seq)
	running := func() bool {
		return atomic.LoadUint32(&s.taken) == command && atomic.LoadUint32(&s.done) != command
	}
	return running() && t.sleeps() && running() && atomic.LoadUint32(&s.seq) == command
}

// sleeps reports whether the task sleeps until another task or a signal wakes it. A fault
// of get_user_pages (mremap of locked memory, MADV_POPULATE_READ) sleeps through ordinary
// signals, so that its state is 'D'. A task that waits for a lock has this state, too,
// but continues without help.
func (t *task) sleeps() bool {
	switch t.state() {
	case 'S':
		return true
	case 'D':
		function, err := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", t.pid))
		return err == nil && bytes.HasPrefix(function, []byte("handle_userfault"))
	}
	return false
}

// kill kills the task and waits until it is dead.
func (t *task) kill() {
	if !t.isDead() {
		t.condemn()
		t.reap()
	}
}

// condemn sends the task SIGKILL, and does not wait.
func (t *task) condemn() {
	t.condemned.Store(true)
	_ = unix.Kill(t.pid, unix.SIGKILL)
}

// abandon kills a task that does not answer, for the reason.
func (t *task) abandon(cause error) {
	t.mu.Lock()
	t.cause = cause
	t.mu.Unlock()
	_ = unix.Kill(t.pid, unix.SIGKILL)
	t.reap()
}

// release frees the slot of a dead task. No command of it may be in progress.
func (t *task) release() {
	_ = unix.Close(t.stat)
	t.arena.used[t.index] = false
}

func (t *task) isDead() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead
}

// death returns why the task is dead: errDead, or [scenario.ErrInterference] with the
// reason if the scenario did not kill it. It returns nil for a task that was not reaped.
func (t *task) death() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.dead:
		return nil
	case t.cause != nil:
		return t.cause
	}
	return errDead
}

// check returns [scenario.ErrInterference] if the task is dead and the scenario did not
// kill it.
func (t *task) check() error {
	if t.state() == 'Z' {
		t.reap()
	}
	if err := t.death(); err != errDead {
		return err
	}
	return nil
}

// reap waits for the death of a task that was killed, and records the cause if it was
// killed from outside.
func (t *task) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return
	}
	t.dead = true
	var status unix.WaitStatus
	err := unix.EINTR
	for err == unix.EINTR {
		_, e := unix.Wait4(t.pid, &status, unix.WALL, nil)
		err, _ = e.(unix.Errno)
	}
	if t.cause == nil && !t.condemned.Load() {
		how := fmt.Sprintf("with status %d", status.ExitStatus())
		if status.Signaled() {
			how = fmt.Sprintf("by signal %d (%v)", status.Signal(), status.Signal())
		}
		t.cause = fmt.Errorf("%w: process %d was ended from outside %s", scenario.ErrInterference, t.pid, how)
	}
	futexWake(&t.slot().done) // for a caller of command that waits for the answer
}
