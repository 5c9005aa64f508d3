// Command uffdsim runs scenarios on an executable model of Linux's userfaultfd and
// of the memory management under it. "uffdsim demo" shows what that is.
package main

import (
	"errors"
	"fmt"
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
	out := &output{Writer: stdout}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil || errors.Is(err, errFailed) {
		err = errors.Join(err, out.err)
	}
	return exitCode(err, stderr)
}

// output is standard output. It remembers the first error, so that the program does not
// succeed if a part of what it printed is lost.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.Writer.Write(p)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("uffdsim: standard output: %w", err)
	}
	return n, err
}
