package main

import (
	"cmp"
	"fmt"
	"time"
)

// Limits of flags. They are far above what is of use, and low enough that a mistyped number does
// not use up the machine's memory.
const (
	maxWorkers    = 1024
	maxShards     = 1024
	maxDepth      = 1000 // ordered steps of a bug; bugs found in practice need two or three
	maxOperations = 1_000_000_000
	maxSteps      = 1_000_000_000
	maxBenchTime  = time.Hour // a row
	maxTime       = 365 * 24 * time.Hour
)

// within returns an error that names the flag and its limits, nil if lowest <= value <= highest.
func within[T cmp.Ordered](flag string, value, lowest, highest T) error {
	if value < lowest || value > highest {
		return fmt.Errorf("%s %v: must be from %v to %v", flag, value, lowest, highest)
	}
	return nil
}
