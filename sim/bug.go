package sim

import "fmt"

// Bug is the panic value for what a kernel would report as a bug: a BUG_ON or
// VM_BUG_ON that fired, a lock misused, freed memory touched. The controlled
// executor ends the run with it; in the free one it is a panic like any other.
type Bug struct {
	// Kind says what sort of bug it is.
	Kind BugKind
	// Where is the kernel function, or the object, that it was found in.
	Where string
	// What is the condition that held, in words.
	What string
	// Task is the name of the task that ran into it, if one did.
	Task string
}

// BugKind sorts bugs by what went wrong.
type BugKind string

// The kinds of bug.
const (
	BugAssert       BugKind = "BUG_ON"
	BugLock         BugKind = "lock misuse"
	BugLockOrder    BugKind = "lock order"
	BugUseAfterFree BugKind = "use after free"
	BugAtomicSleep  BugKind = "sleep in atomic context"
	BugOutOfMemory  BugKind = "out of memory"
	BugSleepState   BugKind = "sleeping lock with a sleep announced"
)

// Error makes a Bug an error, for executors that return it.
func (b *Bug) Error() string {
	who := ""
	if b.Task != "" {
		who = " (task " + b.Task + ")"
	}
	return fmt.Sprintf("%s in %s: %s%s", b.Kind, b.Where, b.What, who)
}

// BugOn panics with a [*Bug] if cond holds. where is the kernel function's name,
// what the condition in words.
func BugOn(t *Task, cond bool, where, what string) {
	if cond {
		t.bug(BugAssert, where, what)
	}
}

// UseAfterFree panics with a [*Bug]: something was used that is no more.
func UseAfterFree(t *Task, where, what string) { t.bug(BugUseAfterFree, where, what) }

// bug ends the run of a controlled executor at once, so that what the task defers
// is not interleaved with other tasks, and panics.
func (t *Task) bug(kind BugKind, where, what string) {
	b := &Bug{Kind: kind, Where: where, What: what, Task: t.name}
	if t.ctl != nil {
		t.ctl.fail(b)
	}
	panic(b)
}
