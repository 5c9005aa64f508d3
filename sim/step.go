package sim

import "unsafe"

// Op is what a visible step does to its object.
type Op uint8

// The kinds of visible step.
const (
	OpStart Op = iota // the task's first step
	OpLoad
	OpStore
	OpGet         // a reference is counted
	OpPut         // a reference is given up
	OpAccess      // the processor follows the word to what it maps, and reads there
	OpAccessWrite // the same, and writes there
	OpReadBegin   // a sequence count is read that is even
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
	OpTake     // the task's own signals are read and taken away
	OpBarrier
	OpFree // a structure goes away, with all that is in it
	OpExit
)

var opNames = [...]string{
	OpStart: "start", OpLoad: "load", OpStore: "store",
	OpGet: "get", OpPut: "put", OpAccess: "access", OpAccessWrite: "access (write)", OpReadBegin: "read_seqcount_begin",
	OpLock: "spin_lock", OpUnlock: "spin_unlock",
	OpDownRead: "down_read", OpDownWrite: "down_write", OpUpRead: "up_read", OpUpWrite: "up_write",
	OpSetState: "set_current_state", OpSchedule: "schedule", OpWake: "try_to_wake_up",
	OpSignal: "send_signal", OpTake: "take_signals", OpBarrier: "smp_mb", OpFree: "free", OpExit: "exit",
}

// String is the operation's name in traces, the kernel's where it has one.
func (o Op) String() string { return opNames[o] }

// Writes reports whether the step can change its object.
func (o Op) Writes() bool {
	return o != OpLoad && o != OpAccess && o != OpReadBegin && o != OpBarrier && o != OpStart
}

// Releases reports whether the step gives up a lock. Nobody else can be at a step on
// that lock whose outcome depends on whether the release comes first: who needs the
// lock cannot go on before.
func (o Op) Releases() bool { return o == OpUnlock || o == OpUpRead || o == OpUpWrite }

// Step is one visible step: the object touched and how.
type Step struct {
	Op  Op
	Obj unsafe.Pointer // identity of the object within one run; nil for none
}

// Count is the value of the word in which a step counts references.
func (s Step) Count() uint64 { return (*Word)(s.Obj).Peek() }

// Touches reports whether the word is the step's object.
func (s Step) Touches(w *Word) bool { return s.Obj == unsafe.Pointer(w) }
