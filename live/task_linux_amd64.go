package live

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// errDead is what a command ends with whose task has been killed.
var errDead = errors.New("the task is dead")

// task is a process that serves a slot.
type task struct {
	arena *arena
	index int
	pid   int
	stat  int // descriptor of /proc/PID/stat
	pipe  *pipe
	// asleep is called when the task seems to sleep in a command; nil for nobody.
	asleep func()

	mu   sync.Mutex
	dead bool
}

// newTask returns the task that clone(2) has made for the slot. If it fails it ends the task and gives
// the slot back.
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
// do not. All are children of the controller, so that it can wait for them.
const (
	shareAll = unix.CLONE_VM | unix.CLONE_FILES | unix.CLONE_FS | unix.CLONE_PARENT
	shareNo  = unix.CLONE_PARENT
)

// spawn makes the task make another one.
func (t *task) spawn(flags uint64) (*task, error) {
	i, err := t.arena.take()
	if err != nil {
		return nil, err
	}
	stack := t.arena.stackTop(i)
	s := t.slot()
	s.newslot = uint64(address(t.arena.slots)) + uint64(i*slotSize)
	ret, err := t.command(cmdSpawn, flags, uint64(stack))
	if err != nil || ret < 0 {
		t.arena.used[i] = false
		return nil, fmt.Errorf("clone: %v", errors.Join(err, unix.Errno(-ret)))
	}
	return t.arena.newTask(i, int(ret))
}

// How long the controller looks at a word before it sleeps on it; and how long it sleeps, at
// first and at most, before it looks what has become of the task.
const (
	spins     = 50
	firstWait = 30 * time.Microsecond
	lastWait  = 20 * time.Millisecond
)

// command has the task do something, and waits until it is done. The error is errDead.
func (t *task) command(nr int64, args ...uint64) (ret int64, err error) {
	if t.isDead() {
		return 0, errDead
	}
	s := t.slot()
	s.post(nr, args...)
	for range spins {
		if s.finished() {
			return s.ret, nil
		}
	}
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
		if !s.finished() && (t.isDead() || t.state() == 'Z') {
			t.reap()
			return 0, errDead
		}
	}
}

// state is the task's state as /proc tells it: 'R', 'S', 'D', 'Z'.
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

// blocked reports whether the task sleeps in its command. A task that has none sleeps, too; so
// the command must be the same, and not done, before and after the look at the state.
func (t *task) blocked() bool {
	s := t.slot()
	command := atomic.LoadUint32(&s.seq)
	running := func() bool { return atomic.LoadUint32(&s.taken) == command && atomic.LoadUint32(&s.done) != command }
	return running() && t.sleeps() && running() && atomic.LoadUint32(&s.seq) == command
}

// sleeps reports whether the task sleeps until another task or a signal wakes it. A fault of
// get_user_pages (mremap of locked memory, MADV_POPULATE_READ) sleeps through ordinary signals, so
// that its state is 'D'. A task that waits for a lock has this state, too, but goes on by itself.
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

// kill ends the task, and waits until it has.
func (t *task) kill() {
	if !t.isDead() {
		_ = unix.Kill(t.pid, unix.SIGKILL)
		t.reap()
	}
}

// release gives back what a dead task has had. Nobody may be waiting for a command of it.
func (t *task) release() {
	_ = unix.Close(t.stat)
	t.arena.used[t.index] = false
}

func (t *task) isDead() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dead
}

// reap waits for the end of a task that has been killed.
func (t *task) reap() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return
	}
	t.dead = true
	for {
		_, err := unix.Wait4(t.pid, nil, unix.WALL, nil)
		if err != unix.EINTR {
			futexWake(&t.slot().done) // for who waits for a command that will never be done
			return
		}
	}
}

// maxFds is the usual limit on a process's descriptors: [machine.DefaultMaxFds].
const maxFds = 1024

// startFirst makes the first task, without anything of the Go program in it but the
// instructions that it runs. The thread must stay until the task has ended: they die together.
func startFirst(a *arena) (*task, error) {
	i, err := a.take()
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	all, old := unix.Sigset_t{}, unix.Sigset_t{}
	for k := range all.Val {
		all.Val[k] = ^uint64(0)
	}
	// A signal for the Go runtime must not find the child, which has none.
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old); err != nil {
		a.used[i] = false
		return nil, fmt.Errorf("sigmask: %w", err)
	}
	pid := startServer(unix.CLONE_VM, a.stackTop(i), address(a.slots)+uintptr(i*slotSize))
	unmasked := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	if pid < 0 {
		a.used[i] = false
		return nil, fmt.Errorf("clone: %w", unix.Errno(-pid))
	}
	// This one shares the program's memory, and so has lost the C library's registration for
	// restartable sequences: a process that kept it would die when that memory is unmapped.
	sharing, err := a.newTask(i, int(pid))
	if err != nil {
		return nil, err
	}
	defer func() {
		sharing.kill()
		sharing.release()
	}()
	if unmasked != nil {
		return nil, fmt.Errorf("sigmask: %w", unmasked)
	}
	// As many descriptors as the model's processes may have, and all that come from this one.
	if err := unix.Prlimit(int(pid), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: maxFds, Max: maxFds}, nil); err != nil {
		return nil, fmt.Errorf("prlimit: %w", err)
	}
	t, err := sharing.spawn(shareNo)
	if err != nil {
		return nil, err
	}
	if err := t.undress(); err != nil {
		t.kill()
		t.release()
		return nil, err
	}
	return t, nil
}

// must is a command that cannot fail.
func (t *task) must(what string, nr int64, args ...uint64) error {
	ret, err := t.command(nr, args...)
	if err == nil && ret < 0 {
		err = unix.Errno(-ret)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// undress takes from the task what it has inherited: memory, descriptors, handlers.
func (t *task) undress() error {
	if err := t.must("close_range", unix.SYS_CLOSE_RANGE, 3, 1<<31-1); err != nil {
		return err
	}
	if err := t.handlers(); err != nil {
		return err
	}
	if err := t.dropRawIO(); err != nil {
		return err
	}
	maps, err := readMaps(t.pid)
	if err != nil {
		return err
	}
	fault, _, _ := entryPoints()
	for _, m := range maps {
		if m.contains(uint64(fault)) || m.name == "[vsyscall]" {
			continue
		}
		for _, part := range t.arena.without(m.start, m.end) {
			if err := t.must("munmap", unix.SYS_MUNMAP, part[0], part[1]-part[0]); err != nil {
				return fmt.Errorf("%w (%s at %#x)", err, m.name, m.start)
			}
		}
	}
	return nil
}

// dropRawIO gives up CAP_SYS_RAWIO, which root has, so that vm.mmap_min_addr holds.
func (t *task) dropRawIO() error {
	const version, rawIO = 0x20080522, 17
	header := binary.LittleEndian.AppendUint32(nil, version)
	header = binary.LittleEndian.AppendUint32(header, 0)
	if err := t.must("capget", unix.SYS_CAPGET, t.lend(0, header), t.lend(1, make([]byte, 24))); err != nil {
		return err
	}
	caps := t.lent(1, 24) // effective, permitted, inheritable; and again for those above 31
	for i := range 3 {
		word := binary.LittleEndian.Uint32(caps[4*i:])
		binary.LittleEndian.PutUint32(caps[4*i:], word&^(1<<rawIO))
	}
	return t.must("capset", unix.SYS_CAPSET, t.lend(0, header), t.lend(1, bytes.Clone(caps)))
}

// without are the parts of [start, end) that are not the arena's.
func (a *arena) without(start, end uint64) [][2]uint64 {
	parts := [][2]uint64{{start, end}}
	for _, own := range [][]byte{a.slots, a.stacks} {
		from := uint64(address(own))
		to := from + uint64(len(own))
		var left [][2]uint64
		for _, p := range parts {
			if lower := [2]uint64{p[0], min(p[1], from)}; lower[0] < lower[1] {
				left = append(left, lower)
			}
			if upper := [2]uint64{max(p[0], to), p[1]}; upper[0] < upper[1] {
				left = append(left, upper)
			}
		}
		parts = left
	}
	return parts
}

// sigaction is the kernel's struct.
type sigaction struct{ handler, flags, restorer, mask uint64 }

// handlers installs those of SIGSEGV, SIGBUS and SIGUSR1, and the standard for all others.
func (t *task) handlers() error {
	const saSiginfo, saRestorer, sigsetSize = 4, 0x04000000, 8
	fault, nothing, restore := entryPoints()
	for sig := uint64(1); sig <= 64; sig++ {
		if sig == uint64(unix.SIGKILL) || sig == uint64(unix.SIGSTOP) {
			continue
		}
		act := sigaction{flags: saSiginfo | saRestorer, restorer: uint64(restore)}
		switch unix.Signal(sig) {
		case unix.SIGSEGV, unix.SIGBUS:
			act.handler = uint64(fault)
		case unix.SIGUSR1:
			act.handler = uint64(nothing)
		default:
			act = sigaction{}
		}
		if err := t.must("rt_sigaction", unix.SYS_RT_SIGACTION, sig, t.lend(0, act.bytes()), 0, sigsetSize); err != nil {
			return err
		}
	}
	return t.must("rt_sigprocmask", unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, t.lend(0, make([]byte, sigsetSize)), 0, sigsetSize)
}
