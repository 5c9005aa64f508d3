// Package property_test holds what is true of userfaultfd and the memory below it, whatever is
// done: properties, each with the sentence that it checks, which rapid tries to break with
// random operations.
//
// They come in two kinds. Those of machine_test.go look into our own machine and hold every page
// of it against an oracle that knows nothing of VMAs. Those of [Properties] ask by
// operations of the scenario language alone, and so can be held against any implementation that
// answers them: [Check] does that. What breaks one is printed as a scenario, which rapid has
// made as short as it can.
package property_test
