package sim

import (
	"strings"
	"unsafe"
)

// deadlock is called when no task is enabled. It returns an error if any task waits for a
// lock or a sequence count, nil if all tasks sleep.
func (c *Controlled) deadlock() error {
	var stuck []string
	for _, t := range c.tasks.awake {
		switch {
		case t.co.queued:
			stuck = append(stuck, t.name+" waits for "+(*RWSem)(t.co.next.Obj).class.Name)
		case t.co.next.Op == OpLock:
			l := (*SpinLock)(unsafe.Pointer(t.co.next.Obj))
			stuck = append(stuck, t.name+" waits for "+l.class.Name+", held by "+l.owner.name)
		case t.co.next.Op == OpReadBegin:
			stuck = append(stuck, t.name+" waits for "+c.ObjectName(t.co.next.Obj)+" to be even")
		}
	}
	if stuck == nil {
		return nil
	}
	return &Deadlock{Stuck: stuck}
}

// Deadlock reports that tasks wait for locks that no task can release.
type Deadlock struct {
	// Stuck has a sentence for each waiting task.
	Stuck []string
}

// Error returns the sentences of the waiting tasks.
func (d *Deadlock) Error() string { return "deadlock: " + strings.Join(d.Stuck, "; ") }

// Endless reports that a run exceeded [Controlled.MaxSteps].
type Endless struct {
	// Task is the name of a task that was enabled at the limit.
	Task string
}

// Error names the task.
func (e *Endless) Error() string {
	return "the run does not settle: too many steps (last seen running: task " + e.Task + ")"
}
