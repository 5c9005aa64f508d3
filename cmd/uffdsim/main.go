// Command uffdsim runs scenarios on an executable model of Linux's userfaultfd and
// of the memory management under it. "uffdsim demo" shows what that is.
package main

import (
	"io"
	"os"

	"github.com/uffdsim/uffdsim/conform"
)

// superviseName is the first argument of the supervisor under which conform runs the
// program of --target. It is not a command for users.
const superviseName = "supervise-target"

func main() {
	if len(os.Args) > 2 && os.Args[1] == superviseName {
		os.Exit(conform.Supervise(os.Args[2:]))
	}
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// execute runs the program and returns its exit code.
func execute(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	return exitCode(root.Execute(), stderr)
}
