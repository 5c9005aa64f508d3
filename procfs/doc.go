// Package procfs recreates the files of /proc/PID that show an address space and open
// files: maps, pagemap and fdinfo.
//
// Its functions are for observers outside the model and take no visible step. Call them
// only while the machine is settled, that is, while every task sleeps or is in user mode.
package procfs
