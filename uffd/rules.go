package uffd

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
)

//go:generate go run ../mm/rule/rulegen ..

//go:embed rules.diff
var rulesDiff string

// rules returns all rules, including those of package mm, in the order of rules.diff. The
// list is parsed when it is first asked for: most programs never do.
var rules = sync.OnceValue(func() []rule.Info {
	// The 2015 code cannot resolve a fault. "2015+copy", with the two ioctls that can, is
	// the oldest version in which dropping a rule has a visible effect.
	infos, err := rule.Parse("uffd/rules.diff", rulesDiff, "2015+copy")
	if err != nil {
		panic(err) // cannot happen: rulegen has parsed the same list
	}
	return infos
})

// Rules returns the rules that can be dropped, indexed by [rule.Rule]. The slice is the
// caller's own.
func Rules() []rule.Info { return slices.Clone(rules()) }

// RuleInfo returns the description of a rule.
func RuleInfo(r rule.Rule) rule.Info { return rules()[r] }

// ParseRule returns the rule with the given name.
func ParseRule(name string) (rule.Rule, error) {
	for _, info := range rules() {
		if info.Name == name {
			return info.Rule, nil
		}
	}
	return 0, fmt.Errorf("no rule %q", name)
}

// allClashes are the pairs of rules that cannot be dropped together. Immutable.
var allClashes = slices.Concat(clashes, mm.RuleClashes())

// CheckDropped returns an error if two of the rules cannot be dropped together, because
// the changes to the source that drop them overlap.
func CheckDropped(dropped rule.Set) error {
	if !dropped.Any() {
		return nil
	}
	for _, pair := range allClashes {
		if dropped.Has(pair[0]) && dropped.Has(pair[1]) {
			a, b := rules()[pair[0]], rules()[pair[1]]
			return fmt.Errorf("%s and %s cannot be dropped together: their hunks overlap in %s",
				a.Name, b.Name, commonFunction(&a, &b))
		}
	}
	return nil
}

// commonFunction returns the name of a function that both rules change.
func commonFunction(a, b *rule.Info) string {
	for _, h := range a.Hunks {
		if slices.ContainsFunc(b.Hunks, func(o rule.Hunk) bool { return o.File == h.File && o.Func == h.Func }) {
			return strings.TrimSuffix(h.File, ".go") + "." + h.Func
		}
	}
	return a.Func
}
