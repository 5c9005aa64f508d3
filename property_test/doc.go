// Package properties has [Properties] of userfaultfd and the memory below it that hold
// for all operations. Each has a sentence, which rapid tries to break with random
// operations. (The folder is property_test; an import needs no other name.)
//
// The properties use only operations of the scenario language, so [Check] can check them
// for any implementation that answers these. For the model they also inspect its
// internals. A counterexample is printed as a scenario, which rapid has made as short as
// it can.
package properties
