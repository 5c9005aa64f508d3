package explore

import (
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd"
)

// SetupFor returns the program that shows the rule's purpose. It panics if the rule names
// a program that does not exist: see [SetupOf].
func SetupFor(r rule.Rule) *Setup {
	setup, err := SetupOf(uffd.RuleInfo(r))
	if err != nil {
		panic(err)
	}
	return setup
}

// SetupOf returns the program that the rule names, or an error if it does not exist.
func SetupOf(info rule.Info) (*Setup, error) {
	if s := FindSetup(info.Program); s != nil {
		return s, nil
	}
	var names []string
	for _, s := range setups {
		names = append(names, s.Name)
	}
	meant := syntax.Suggest(info.Program, names)
	if i := slices.IndexFunc(names, func(n string) bool { return strings.HasPrefix(n, info.Program) }); meant == "" && i >= 0 {
		meant = names[i]
	}
	hint := ""
	if meant != "" {
		hint = fmt.Sprintf(" (did you mean %q?)", meant)
	}
	return nil, fmt.Errorf("rule %s names program %q, which does not exist%s", info.Name, info.Program, hint)
}

// MutantOf returns the number of the mutant that drops the rule: "E1" and so on if
// nothing goes wrong without it, "" if the list of mutants has none.
func MutantOf(r rule.Rule) string { return uffd.RuleInfo(r).Mutant }

// With returns the options under which the rule's program shows its purpose. The version
// is the newest one on which the rule has an effect.
func With(r rule.Rule) Options {
	info := uffd.RuleInfo(r)
	version := DefaultVersion
	if info.Until != "" {
		version = kernel.Before(info.Until)
	}
	return Options{TSO: info.TSO, Version: version}
}

// Without returns the same options without the rule.
func Without(r rule.Rule) Options {
	opts := With(r)
	opts.Dropped = opts.Dropped.With(r)
	return opts
}

// Exhibit finds the shortest run that goes wrong without the rule. If the program can go
// wrong with the rule as well, only runs count that go right with it. The result is that
// of [Counterexample].
func Exhibit(r rule.Rule, opts Options) (*Result, error) {
	setup, err := SetupOf(uffd.RuleInfo(r))
	if err != nil {
		return nil, err
	}
	if uffd.RuleInfo(r).OnlyNew {
		opts.ignored = func(s Schedule) bool {
			_, failure, _ := Replay(setup, With(r), s, nil) // the same schedule, as far as it applies
			return failure != nil
		}
	}
	return Counterexample(setup, opts)
}
