// Package bench measures the model and, where there is one, the running kernel's userfaultfd, side by side:
// the same programs, sample by sample in turn, within one run.
//
// A program is written once, against the interfaces [world] and [thread], which have two implementations:
// the model behind the public calls of package machine, and the kernel behind system calls. Neither has a
// path of its own for benchmarks.
package bench
