// Package live makes the operations of scenarios on the running kernel.
//
// # Tasks without Go
//
// A task of a scenario sleeps in page faults, is killed alone, and shares its memory and
// its descriptors with some tasks and not with others. The Go runtime tolerates none of
// that in its threads. So the tasks here are processes that clone(2) makes and in which
// Go never runs: a few instructions of assembly take commands from a page of shared
// memory (a [slot]), one at a time, and execute them: a system call, a load or store by
// one instruction, or the clone of another task. The controller, an ordinary Go program,
// writes the commands and waits until they are done. A crash of a task, a sleep without
// end, or what it does to its memory affects no other process.
//
// The first task is made once and unmaps everything that it inherited from the Go
// program. Each scenario's first process is a fork of it. So the memory of a scenario is
// empty except for the [arena], which the kernel places near the end of user addresses,
// and its descriptors begin with 3.
//
// A task never outlives the controller: its first instructions request a signal for the
// controller's end, and end the task if the controller ended before.
//
// # Settled
//
// A command is blocked when its task sleeps according to /proc/PID/stat: interruptible,
// or, for faults of get_user_pages, uninterruptible in handle_userfault, according to
// /proc/PID/wchan. The scenario is settled when two checks in a row find every command
// done or blocked. One check is not enough: a task that it saw asleep may be woken by one
// that it has yet to check.
//
// # Part
//
// Some answers are not the kernel's own. A scenario is compared only up to there, and the
// error is [scenario.ErrNoRoom] or [scenario.ErrInterference] with the reason, if
//
//   - an operation is about the memory or the descriptors of the harness,
//   - the kernel chooses the address of a mapping, which is another one in each process,
//   - a limit of this machine refuses memory: overcommit, or a resource limit,
//   - there are more tasks than slots, or more bytes than a pane has,
//   - a task is killed by anything but the scenario, or is stopped for five seconds.
package live
