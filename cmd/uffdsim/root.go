package main

import "github.com/spf13/cobra"

const rootLong = `uffdsim is Linux's userfaultfd, and the memory management under it, as a model
that runs anywhere: the kernel's own code path, one Go function a kernel function.

A scenario looks like an strace log: one operation a line, the expected result
behind " = ". Running it checks every expectation, and tells of any bug that the
kernel's code, or a changed version of it, runs into on the way.

Exit codes: 0 fine; 1 an expectation was not met or a bug was found; 2 the command
line or a scenario is wrong.`

const rootExample = `  uffdsim demo                      a page fault from touch to wake-up, drawn
  uffdsim list                      the lessons
  uffdsim run 01-first-fault        run a lesson
  uffdsim run --check my.uffd       run a file, and check the bookkeeping as well
  echo 'mmap(0, 4p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)' | uffdsim run -
  uffdsim ops                       everything that a scenario can say
  uffdsim versions                  what changed between the kernels that --kernel chooses`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "uffdsim",
		Short:         "Linux's userfaultfd as an executable model",
		Long:          rootLong,
		Example:       rootExample,
		SilenceErrors: true, // main prints them
		SilenceUsage:  true, // a failed run is no reason to explain the flags
	}
	root.AddCommand(newDemo(), newRun(), newList(), newOps(), newExplore(), newRules(), newExplain(), newPlay(), newBench(), newConform(), newServe(), newVectors(), newVersions(), newVersion())
	return root
}
