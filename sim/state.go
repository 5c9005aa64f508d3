package sim

import "strings"

// State is the scheduling state of a task, or a mask of states. The values are the
// kernel's (include/linux/sched.h): a wake-up with a mask wakes a task whose state shares
// a bit with the mask.
type State uint32

// The states of a task and the masks of wake-ups.
const (
	Running         State = 0
	Interruptible   State = 1
	Uninterruptible State = 2
	Dead            State = 64
	WakeKill        State = 128

	// Killable is a sleep that only a fatal signal interrupts.
	Killable = WakeKill | Uninterruptible
	// Normal is the mask of an ordinary wake-up. It shares a bit with Killable, so it
	// wakes a killable sleeper.
	Normal = Interruptible | Uninterruptible
)

// String returns the kernel's name of the state, such as "TASK_KILLABLE".
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

// Signal is a set of kinds of signals, distinguished by the sleeps that they interrupt.
type Signal uint32

const (
	// SignalOrdinary is a signal with a handler. It interrupts interruptible sleeps only.
	SignalOrdinary Signal = 1 << iota
	// SignalFatal kills the task. It interrupts killable sleeps as well.
	SignalFatal
)

// siglockClass has the highest rank: under a siglock the kernel takes only locks of the
// scheduler, which the model does not have.
var siglockClass = &LockClass{Name: "siglock", Rank: 100}
