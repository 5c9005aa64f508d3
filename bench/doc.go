// Package bench measures the model and, if it can be used, the running kernel's
// userfaultfd, side by side: the same programs, sample by sample in turn, within one run.
//
// A program is written once, for the interfaces [world] and [thread], which have two
// implementations: the model through the public calls of package machine, and the kernel
// through system calls. Neither has a special path for benchmarks.
package bench
