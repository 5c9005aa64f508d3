// Package machine is the modelled kernel seen from user space: processes with an
// address space and a descriptor table, and tasks that make system calls and touch
// memory.
//
// A program for the machine is a Go function that gets a [Task] and calls its
// methods: the system calls by their names, [Task.Load] and [Task.Store] for the
// bytes, and, for a userfaultfd, the typed ioctls ([Task.UffdRegister], [Task.UffdCopy], ...).
// The same program runs on either executor of package sim.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): all of the package, unless the next
// sentence names it.
//
// Internal (may change in any commit, although other packages of this module use it):
// [NewOn], [Process.Files], and the embedded [sim.Task] as far as package sim says so.
package machine
