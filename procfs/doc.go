// Package procfs is what /proc shows of a process: its mappings, its page map, and the
// fdinfo of its files.
//
// The views are for observers outside of the model. They take no visible step, and may
// only be called while the machine is settled: every task asleep or in user mode.
package procfs
