// Package scenario runs scenarios: texts that look like an strace log. It performs their
// operations on a modelled machine, and compares the answers with the expected ones.
// Package syntax parses the texts; this package defines the operations ([Operations]
// lists them).
//
// # Settling
//
// To settle is to run until each task sleeps in the kernel or has ended. The machine
// settles after every operation. So a scenario has one right transcript in every
// interleaving, unless it is about a race.
//
// # Tasks and processes
//
// An operation without a task runs on the task main. A statement creates the task that it
// names first, in the process main. child = fork() creates a process with a first task
// called child; child.t1 is another task of it. Each operation runs as a separate task of
// the machine, so that it can block while others continue. A statement that consists of a
// task's name asks for the answer of an operation that has blocked.
//
// SIGKILL ends a single task: the tasks of a process are like those that
// clone(CLONE_VM|CLONE_FILES) creates. A task has a handler for SIGBUS, SIGSEGV and
// SIGUSR1.
//
// # Parallel blocks
//
// The tasks of a parallel block run at the same time. Each performs its operations in the
// order of their lines. [Run] runs the block in one interleaving, which the seed chooses,
// and fails if that contradicts a condition behind the block. Package litmus runs the
// block in every interleaving, by means of [Parallel].
//
// An [Outcome] is the end of a run: the result of each task's last operation, of the
// operations with a name, and the memory that conditions ask for. A task that sleeps is
// blocked; an operation that its task has not come to is not run. The conditions are
// those of herd7:
//
//	exists (t1 = SIGBUS)                    some run ends so
//	~exists (t1 = blocked /\ t2:r = 0)      no run does
//	forall ([0x101000] = 'A' \/ t3 = EAGAIN)  every run does
//
// An atom t1 = R asks for the result of a task, t1:r = R for that of an operation by its
// name, and t1:op2 = R by its position. R may be the beginning of the result, in whole
// words, or an errno alone. [A] = M asks for memory: none (no page is present), present,
// zero (the zero page), or the bytes. An expected result within the block is a condition,
// too: forall.
//
// # Mistakes, failures and findings
//
// A mistake in a scenario, such as a misspelt word or a wrong argument, is an error with
// its place. Most mistakes are found before anything runs. A failed expectation is a
// [Result] that is not OK. A bug (a BUG_ON, a deadlock, a run that does not settle, data
// structures that contradict each other) is a [Finding], and ends the run. A task that
// sleeps at the end is a [Sleeper], and no failure.
package scenario
