// Package rule describes the rules of the protocol as changes to the source: a rule is what
// goes wrong without it, written as the diff that takes it away. The package has the text
// format of such diffs, the sets of rules that a modelled kernel does without, and the
// search for a diff's place in the source. The program rulegen turns diffs into code.
//
// A rule's diff is read beside the kernel function that it changes:
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
// The package knows no rule by name, and imports nothing of this module. Its API is
// internal to this module, but for [Rule], [Set] and [Info].
package rule

import (
	"iter"
	"math/bits"
)

// Rule is a rule of the protocol, by its place in the list of all rules.
type Rule uint16

// MaxRules is the number of rules that a [Set] has room for.
const MaxRules = 256

// Set is a set of rules. The zero value is the empty set; sets can be compared.
type Set struct{ words [MaxRules / 64]uint64 }

// Of returns the set of the given rules. It panics for a rule of MaxRules or above.
func Of(rules ...Rule) Set { return Set{}.With(rules...) }

// With returns the set with more rules. It panics for a rule of MaxRules or above.
func (s Set) With(rules ...Rule) Set {
	for _, r := range rules {
		s.words[r/64] |= 1 << (r % 64)
	}
	return s
}

// Has reports whether the rule is in the set.
func (s Set) Has(r Rule) bool { return s.words[r/64]&(1<<(r%64)) != 0 }

// Any reports whether the set has any rule.
func (s Set) Any() bool { return s.words != [MaxRules / 64]uint64{} }

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
