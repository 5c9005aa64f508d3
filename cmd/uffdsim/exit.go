package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/uffdsim/uffdsim/scenario"
)

// The exit statuses.
const (
	exitFine    = 0
	exitFailed  = 1 // an expectation failed, or a bug was found
	exitMistake = 2 // the command line or a scenario is wrong
	exitBeyond  = 3 // a scenario uses something that Linux supports and the model does not
)

// Errors that were printed where they occurred.
var (
	errFailed      = errors.New("an expectation failed")
	errReported    = errors.New("a scenario is wrong")
	errNotModelled = errors.New("a scenario uses something that is not modelled")
)

// exitCode prints the error of a command, unless that was done before, and returns the
// exit status.
func exitCode(err error, stderr io.Writer) int {
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errReported):
		return exitMistake
	case errors.Is(err, errNotModelled):
		return exitBeyond
	}
	fmt.Fprintln(stderr, printable(err.Error()))
	if scenario.IsNotModelled(err) {
		return exitBeyond
	}
	return exitMistake
}

// worse returns the error that the exit status of several files reports.
func worse(a, b error) error {
	for _, err := range []error{errReported, errFailed, errNotModelled} {
		if a == err || b == err {
			return err
		}
	}
	return nil
}

// verdict returns the error for the report of a run, nil if every expectation was met.
func verdict(report *scenario.Report) error {
	for _, f := range report.Failures() {
		if f.Finding == nil || !f.Finding.NotModelled() {
			return errFailed
		}
	}
	if !report.OK() {
		return errNotModelled
	}
	return nil
}
