// Package scenario runs scenarios: texts that look like an strace log, whose
// operations are made on a modelled machine and whose answers are compared with what
// the text expects. The form of the texts is package syntax's business; this package
// knows what the operations mean ([Operations] lists them).
//
// # Settled
//
// After every operation the machine is settled: it runs until each task is asleep in
// the kernel or has ended. So a scenario has one right transcript, whatever the
// interleaving was, unless it is about a race.
//
// # Tasks and processes
//
// An operation without a task runs on the task main. A task is made when it is first
// named, in the process main; child = fork() makes a process whose first task is
// called child, and child.t1 is another of its tasks. Each operation runs as a task of
// the machine of its own, so that one may block while others go on. The answer of one
// that blocked is asked for with a statement that is nothing but the task's name.
//
// A task dies alone of a SIGKILL: the tasks of a process are what
// clone(CLONE_VM|CLONE_FILES) makes. It has a handler for SIGBUS, SIGSEGV and SIGUSR1.
//
// # Mistakes, failures and findings
//
// A mistake in a scenario (a misspelt word, a wrong argument) is an error with its
// place, found before anything runs, as far as that is possible. An expectation that
// is not met is a [Result] that is not OK. A bug (a BUG_ON, a deadlock, a run that
// does not settle, bookkeeping that contradicts itself) is a [Finding], and ends the
// run.
package scenario
