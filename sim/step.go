package sim

import "unsafe"

// Op is the operation of a visible step on its object.
type Op uint8

// The operations.
const (
	OpStart Op = iota // the task's first step
	OpLoad
	OpStore
	OpGet         // takes a reference
	OpPut         // drops a reference
	OpAccess      // the processor reads the memory that the word maps
	OpAccessWrite // the processor writes the memory that the word maps
	OpReadBegin   // reads a sequence count that is even
	OpLock
	OpUnlock
	OpDownRead
	OpDownWrite
	OpUpRead
	OpUpWrite
	OpSetState // sets the task's own state
	OpSchedule // sleeps unless the task has been woken since it set its state
	OpWake     // reads another task's state and sets it if the mask matches
	OpSignal   // makes a signal pending for a task
	OpTake     // reads the task's own pending signals and clears them
	OpBarrier
	OpChoose // chooses a number: see [Task.Choose]
	OpClone  // starts a task: see [Task.Go]
	OpFree   // frees a structure with all words and locks in it
	OpExit
)

var opNames = [...]string{
	OpStart: "start", OpLoad: "load", OpStore: "store",
	OpGet: "get", OpPut: "put", OpAccess: "access", OpAccessWrite: "access (write)", OpReadBegin: "read_seqcount_begin",
	OpLock: "spin_lock", OpUnlock: "spin_unlock",
	OpDownRead: "down_read", OpDownWrite: "down_write", OpUpRead: "up_read", OpUpWrite: "up_write",
	OpSetState: "set_current_state", OpSchedule: "schedule", OpWake: "try_to_wake_up",
	OpSignal: "send_signal", OpTake: "take_signals", OpBarrier: "smp_mb", OpChoose: "choose", OpClone: "clone", OpFree: "free", OpExit: "exit",
}

// String returns the operation's name in traces: the kernel's name where one exists.
func (o Op) String() string { return opNames[o] }

// Writes reports whether the step can change its object.
func (o Op) Writes() bool {
	return o != OpLoad && o != OpAccess && o != OpReadBegin && o != OpBarrier && o != OpChoose && o != OpStart
}

// Releases reports whether the step releases a lock. No enabled step of another task
// depends on it: a task that needs the lock is not enabled before the release.
func (o Op) Releases() bool { return o == OpUnlock || o == OpUpRead || o == OpUpWrite }

// Step is one visible step: an operation and its object.
type Step struct {
	Op  Op
	Obj unsafe.Pointer // the object's address, which identifies it within one run; nil if none
}

// Count returns the value of the step's object, which must be a [Word] that counts
// references.
func (s Step) Count() uint64 { return (*Word)(s.Obj).Peek() }

// Touches reports whether the step's object is the word.
func (s Step) Touches(w *Word) bool { return s.Obj == unsafe.Pointer(w) }
