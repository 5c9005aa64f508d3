// Package machine is the modelled kernel seen from user space: processes with an
// address space and a descriptor table, and tasks that make system calls and touch
// memory.
//
// A program for the machine is a Go function that gets a [Task] and calls its
// methods: the system calls by their names, [Task.Load] and [Task.Store] for the
// bytes. The same program runs on either executor of package sim.
package machine
