// Package property_test holds the properties of the whole machine, as state machines
// that rapid drives: random operations, and after each of them the machine is compared
// with an oracle that knows nothing of VMAs, and its invariants are checked.
package property_test
