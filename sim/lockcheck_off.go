//go:build !lockcheck

package sim

// lockcheck is off: the free executor takes locks without asserting their order.
const lockcheck = false
