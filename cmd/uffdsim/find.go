package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/docs"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd"
)

// findSetup returns the explorer's program with a name. The error names the one that was
// perhaps meant.
func findSetup(name string) (*explore.Setup, error) {
	if s := explore.FindSetup(name); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("no program %q%s: \"uffdsim explore\" lists them", name, didYouMean(name, setupNames()))
}

// didYouMean returns a hint at the known word that is most like the word, "" if none is.
func didYouMean(word string, known []string) string {
	if s := syntax.Suggest(word, known); s != "" {
		return fmt.Sprintf(" (did you mean %q?)", s)
	}
	return ""
}

// findRule returns the rule with a name, or with a number of docs/rules.md if only one
// rule that can be dropped has it. The error names the rules that were perhaps meant.
func findRule(name string) (rule.Rule, error) {
	if r, err := uffd.ParseRule(name); err == nil {
		return r, nil
	}
	var names, numbered []string
	var found rule.Rule
	for _, info := range uffd.Rules() {
		names = append(names, info.Name)
		if strings.EqualFold(info.Number, name) {
			found = info.Rule
			numbered = append(numbered, info.Name)
		}
	}
	isName := func(number string) bool { return strings.EqualFold(number, name) }
	switch len(numbered) {
	case 0:
		numbers := docs.RuleNumbers()
		if i := slices.IndexFunc(numbers, isName); i >= 0 {
			return 0, fmt.Errorf("%s is a rule (docs/rules.md), but not one that can be dropped: \"uffdsim rules\" lists those",
				numbers[i])
		}
		return 0, fmt.Errorf("no rule %q%s: \"uffdsim rules\" lists them", name, didYouMean(name, names))
	case 1:
		return found, nil
	}
	return 0, fmt.Errorf("%s is the number of %d rules: choose one of %s", name, len(numbered), strings.Join(numbered, ", "))
}
