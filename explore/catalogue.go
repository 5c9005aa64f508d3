package explore

import (
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// SetupFor returns the program that shows what the rule is for.
func SetupFor(r rule.Rule) *Setup { return FindSetup(uffd.RuleInfo(r).Program) }

// MutantOf returns the number of the mutant that does without the rule: "E1" and so on if
// nothing goes wrong without it, "" if it is in no list.
func MutantOf(r rule.Rule) string { return uffd.RuleInfo(r).Mutant }

// With returns the options under which the rule shows what it is for.
func With(r rule.Rule) Options {
	info := uffd.RuleInfo(r)
	return Options{TSO: info.TSO, Version: info.Since}
}

// Without returns the same options without the rule.
func Without(r rule.Rule) Options {
	opts := With(r)
	opts.Dropped = opts.Dropped.With(r)
	return opts
}

// Exhibit finds the shortest run that goes wrong without the rule, of those that go right
// with it. The result is that of [Counterexample].
func Exhibit(r rule.Rule, opts Options) (*Result, error) {
	setup := SetupFor(r)
	if uffd.RuleInfo(r).OnlyNew {
		opts.ignored = func(s Schedule) bool {
			_, failure, _ := Replay(setup, With(r), s, nil) // in the same order, as far as it can be
			return failure != nil
		}
	}
	return Counterexample(setup, opts)
}
