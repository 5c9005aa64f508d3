// Package properties holds what is true of userfaultfd and the memory below it, whatever is
// done: [Properties], each with the sentence that it checks, which rapid tries to break with
// random operations. (The folder is property_test; an import needs no other name.)
//
// They ask by operations of the scenario language alone, and so can be held against any
// implementation that answers them: [Check] does that. Of our own machine they also look at
// the inside. What breaks one is printed as a scenario, which rapid has made as short as it
// can.
package properties
