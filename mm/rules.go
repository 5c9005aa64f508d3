package mm

import (
	"slices"

	"github.com/uffdsim/uffdsim/mm/rule"
)

// RuleClashes returns the pairs of rules that cannot be dropped together in this package.
// Package uffd has the list of all rules.
func RuleClashes() [][2]rule.Rule { return slices.Clone(clashes) }
