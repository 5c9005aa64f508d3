// Package rule describes the rules of the userfaultfd protocol. A rule is something that
// the kernel's code does for a reason, such as a second check after joining a queue. It
// is written down as the diff that removes it from the modelled kernel function, together
// with the failure that follows. To drop a rule is to run the code with its diff applied.
//
// The package parses such diffs, locates them in the source, and has the type of a set of
// dropped rules. The program rulegen turns the diffs into code.
//
// An example, from uffd/rules.diff:
//
//	rule recheck-after-enqueue
//		number   FAULT-9
//		function handle_userfault
//		does     looks for the page once more after joining the queue
//		instead  sleeps without looking
//		symptom  lost wake-up
//		program  copy
//	@@ uffd/fault.go HandleUserfault
//	-	mustWait := c.mustWait(t, vmf, reason)
//	+	mustWait := true
//
// Rules can be dropped together unless two of their hunks clash (see [Clash]). If two
// rules insert at the same place, both insertions are applied, in the order of the list.
//
// The package has no list of rules, and imports nothing of this module.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Rule], [Set] and [Info].
//
// Internal (may change in any commit, although other packages of this module use it):
// everything else.
package rule

import (
	"iter"
	"math/bits"
)

// Rule identifies a rule by its index in the list of all rules, from 0.
type Rule uint16

// MaxRules is the capacity of a [Set]: rules must be below it.
const MaxRules = 256

// Set is a set of rules. The zero value is the empty set; sets can be compared.
type Set struct {
	words [MaxRules / 64]uint64
	any   bool // some word is not zero; a function with rules tests only this
}

// Of returns the set of the given rules. It panics if one is not below MaxRules.
func Of(rules ...Rule) Set { return Set{}.With(rules...) }

// With returns the union of the set and the given rules. It panics if one is not below
// MaxRules.
func (s Set) With(rules ...Rule) Set {
	for _, r := range rules {
		s.words[r/64] |= 1 << (r % 64)
		s.any = true
	}
	return s
}

// Has reports whether the rule is in the set.
func (s Set) Has(r Rule) bool { return s.words[r/64]&(1<<(r%64)) != 0 }

// Any reports whether the set is not empty.
func (s Set) Any() bool { return s.any }

// All yields the rules of the set in ascending order.
func (s Set) All() iter.Seq[Rule] {
	return func(yield func(Rule) bool) {
		for i, word := range s.words {
			for ; word != 0; word &= word - 1 {
				if !yield(Rule(64*i + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
