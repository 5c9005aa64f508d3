//go:build lockcheck

package sim

// lockcheck is true: the free executor asserts lock order and ownership.
const lockcheck = true
