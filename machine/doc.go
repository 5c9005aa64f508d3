// Package machine provides the modelled kernel as user space sees it: processes, each
// with an address space and a descriptor table, and tasks, which make system calls and
// access memory.
//
// A program for the machine is a Go function that takes a [Task] and calls its methods.
// [Task.Load] and [Task.Store] access memory; system calls have their own names; the
// ioctls of a userfaultfd are typed ([Task.UffdRegister], [Task.UffdCopy] and so on). The
// same program runs on either executor of package sim.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): all of the package, unless the next
// sentence names it.
//
// Internal (may change in any commit, although other packages of this module use it):
// [NewOn], [Process.Files], and the embedded [sim.Task] as far as package sim says so.
package machine
