package sim

import "strings"

// State is what a task is doing, as the scheduler sees it. The values and the way
// in which they combine are the kernel's (include/linux/sched.h): a sleeper is
// woken by a mask that shares a bit with its state.
type State uint32

// The states of a task and the masks that wake-ups are made with.
const (
	Running         State = 0
	Interruptible   State = 1
	Uninterruptible State = 2
	Dead            State = 64
	WakeKill        State = 128

	// Killable sleeps through every signal but a fatal one.
	Killable = WakeKill | Uninterruptible
	// Normal is the mask of an ordinary wake-up. It shares a bit with Killable, and
	// so a wake-up of a wait queue reaches a killable sleeper.
	Normal = Interruptible | Uninterruptible
)

// String spells the state as the kernel's source does.
func (s State) String() string {
	switch s {
	case Running:
		return "TASK_RUNNING"
	case Interruptible:
		return "TASK_INTERRUPTIBLE"
	case Uninterruptible:
		return "TASK_UNINTERRUPTIBLE"
	case Killable:
		return "TASK_KILLABLE"
	case Normal:
		return "TASK_NORMAL"
	case WakeKill:
		return "TASK_WAKEKILL"
	case Dead:
		return "TASK_DEAD"
	}
	var parts []string
	for _, bit := range []State{Interruptible, Uninterruptible, Dead, WakeKill} {
		if s&bit != 0 {
			parts = append(parts, bit.String())
		}
	}
	return strings.Join(parts, "|")
}

// Signal says how a signal meets a sleeping task.
type Signal uint32

const (
	// SignalOrdinary ends interruptible sleeps only (a signal with a handler).
	SignalOrdinary Signal = 1 << iota
	// SignalFatal ends killable sleeps as well; the task is going to die.
	SignalFatal
)

// siglockClass is the innermost of all: only the scheduler's locks, which there are none of
// here, are taken under a siglock.
var siglockClass = &LockClass{Name: "siglock", Rank: 100}
