//go:build lockcheck

package sim

// lockcheck asserts lock order and ownership in the free executor too.
const lockcheck = true
