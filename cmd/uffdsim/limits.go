package main

import "time"

// Limits of flags. They are far above useful values, and low enough that a mistyped
// number does not use up the machine's memory.
const (
	maxWorkers    = 1024
	maxShards     = 1024
	maxDepth      = 1000 // ordered steps of a bug; bugs found in practice need two or three
	maxOperations = 1_000_000_000
	maxSteps      = 1_000_000_000
	maxBenchTime  = time.Hour // per row
	maxTime       = 365 * 24 * time.Hour
)
