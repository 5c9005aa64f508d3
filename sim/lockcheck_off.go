//go:build !lockcheck

package sim

// lockcheck is false: the free executor does not assert lock order and ownership.
const lockcheck = false
