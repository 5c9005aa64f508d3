package sim

import "unsafe"

// Op is what a visible step does to its object.
type Op uint8

// The kinds of visible step.
const (
	OpStart Op = iota // the task's first step
	OpLoad
	OpStore
	OpRMW // atomic read-modify-write
	OpLock
	OpUnlock
	OpDownRead
	OpDownWrite
	OpUpRead
	OpUpWrite
	OpSetState // the task's own state is stored
	OpSchedule // the task sleeps, unless it has been woken already
	OpWake     // another task's state is read and perhaps set
	OpSignal   // a signal is sent to a task
	OpBarrier
	OpExit
)

var opNames = [...]string{
	OpStart: "start", OpLoad: "load", OpStore: "store", OpRMW: "rmw",
	OpLock: "spin_lock", OpUnlock: "spin_unlock",
	OpDownRead: "down_read", OpDownWrite: "down_write", OpUpRead: "up_read", OpUpWrite: "up_write",
	OpSetState: "set_current_state", OpSchedule: "schedule", OpWake: "try_to_wake_up",
	OpSignal: "send_signal", OpBarrier: "smp_mb", OpExit: "exit",
}

// String is the operation's name in traces, the kernel's where it has one.
func (o Op) String() string { return opNames[o] }

// Writes reports whether the step can change its object. Two steps on one object
// commute if neither writes.
func (o Op) Writes() bool { return o != OpLoad && o != OpBarrier && o != OpStart }

// Acquires reports whether the step can be blocked by the state of its object.
func (o Op) Acquires() bool {
	return o == OpLock || o == OpDownRead || o == OpDownWrite || o == OpSchedule
}

// Step is one visible step: the object touched and how.
type Step struct {
	Op  Op
	Obj unsafe.Pointer // identity of the object within one run; nil for none
}

// Conflicts reports whether the order of the two steps can matter.
func (s Step) Conflicts(other Step) bool {
	return s.Obj != nil && s.Obj == other.Obj && (s.Op.Writes() || other.Op.Writes())
}
