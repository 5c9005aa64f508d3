package sim

import "fmt"

// Bug is the panic value for anything that a kernel would report as a bug: a BUG_ON that
// fires, a misused lock, a use after free. The controlled executor ends the run with it;
// on the free executor it is an ordinary panic.
type Bug struct {
	Kind BugKind
	// Where is the kernel function, or the object, in which the bug was found.
	Where string
	// What describes the condition that was true.
	What string
	// Task is the name of the task that triggered the bug, "" if none did.
	Task string
}

// BugKind classifies bugs.
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

// Error returns the kind, the place, the condition and the task.
func (b *Bug) Error() string {
	task := ""
	if b.Task != "" {
		task = " (task " + b.Task + ")"
	}
	return fmt.Sprintf("%s in %s: %s%s", b.Kind, b.Where, b.What, task)
}

// BugOn panics with a [*Bug] if cond is true: BUG_ON. where is the name of the kernel
// function; what describes the condition.
func BugOn(t *Task, cond bool, where, what string) {
	if cond {
		t.bug(BugAssert, where, what)
	}
}

// UseAfterFree panics with a [*Bug] that reports an access to freed memory.
func UseAfterFree(t *Task, where, what string) { t.bug(BugUseAfterFree, where, what) }

// bug panics with a [*Bug].
func (t *Task) bug(kind BugKind, where, what string) {
	t.abort(&Bug{Kind: kind, Where: where, What: what, Task: t.name})
}

// abort panics with an error. On a controlled executor it ends the run first, so that the
// task's deferred calls are not interleaved with other tasks.
func (t *Task) abort(err error) {
	if t.ctl != nil {
		t.ctl.fail(err)
	}
	panic(err)
}
