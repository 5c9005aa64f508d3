// Package live makes the operations of scenarios on the running kernel.
//
// # Tasks without Go
//
// A task of a scenario sleeps in page faults, is killed alone, and shares its memory and its
// descriptors with some tasks and not with others. None of that goes well with a thread that the Go
// runtime knows of. So the tasks here are processes that clone(2) makes and in which nothing
// of Go ever runs: a few instructions of assembly take commands from a page of shared memory
// (a [slot]), one at a time, and do them: a system call, a load or store by one
// instruction, or the making of another task. The controller, which is an ordinary Go
// program, writes the commands and waits for them to be done. What a task does to its
// memory, a crash, or a sleep without end, is the task's own affair.
//
// The first of them is made once and unmaps all that it has inherited from the Go
// program but the instructions; each scenario's first process is a fork of it. So the
// memory of a scenario is empty, and its descriptors begin with 3.
//
// A task never outlives the controller: its first instructions ask for a signal at the controller's end,
// and end the task if that has come before.
//
// # Settled
//
// A command is blocked when its task sleeps, as /proc/PID/stat says: interruptible, or
// uninterruptible in handle_userfault, as /proc/PID/wchan says, for faults of get_user_pages. All is
// settled when two looks in a row find every command done or blocked: one look is not enough, since a
// task that it saw asleep may be woken by one that it has not come to.
package live
