package main

import (
	"errors"
	"fmt"
	"io"
)

// The exit codes.
const (
	exitFine    = 0
	exitFailed  = 1 // an expectation was not met, or a bug was found
	exitMistake = 2 // the command line or a scenario is wrong
)

// Errors that have been reported where they came up.
var (
	errFailed   = errors.New("an expectation was not met")
	errReported = errors.New("a scenario is wrong")
)

// exitCode prints the error of a command, if it has not been reported, and says what
// to exit with.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errReported):
		return exitMistake
	}
	fmt.Fprintln(stderr, printable(err.Error()))
	return exitMistake
}
