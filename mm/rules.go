package mm

import (
	"slices"

	"github.com/uffdsim/uffdsim/mm/rule"
)

// RuleClashes returns the pairs of rules of this package that cannot be dropped together,
// because their diffs overlap. Package uffd has the list of all rules.
func RuleClashes() [][2]rule.Rule { return slices.Clone(clashes) }
