package uffd

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
)

//go:generate go run ../mm/rule/rulegen ..

//go:embed rules.diff
var rulesDiff string

// rules are all rules, those of package mm among them, in the order of the list.
var rules = func() []rule.Info {
	// 2015 cannot resolve a fault: what a rule is for shows with the two ioctls that do.
	infos, err := rule.Parse("uffd/rules.diff", rulesDiff, "2015+copy")
	if err != nil {
		panic(err) // rulegen has read the same list
	}
	return infos
}()

// Rules returns the rules that can be dropped, in the order of their numbers. The slice is
// the caller's own.
func Rules() []rule.Info { return slices.Clone(rules) }

// RuleInfo describes a rule.
func RuleInfo(r rule.Rule) rule.Info { return rules[r] }

// ParseRule finds a rule by its name.
func ParseRule(name string) (rule.Rule, error) {
	for _, info := range rules {
		if info.Name == name {
			return info.Rule, nil
		}
	}
	return 0, fmt.Errorf("no rule %q", name)
}

// CheckDropped says why the rules cannot be dropped together: the changes to the source that
// drop two of them overlap.
func CheckDropped(dropped rule.Set) error {
	if !dropped.Any() {
		return nil
	}
	for _, pair := range slices.Concat(clashes, mm.RuleClashes()) {
		if dropped.Has(pair[0]) && dropped.Has(pair[1]) {
			a, b := rules[pair[0]], rules[pair[1]]
			return fmt.Errorf("%s and %s cannot be dropped together: their hunks overlap in %s",
				a.Name, b.Name, commonFunction(&a, &b))
		}
	}
	return nil
}

// commonFunction names a function that both rules change.
func commonFunction(a, b *rule.Info) string {
	for _, h := range a.Hunks {
		if slices.ContainsFunc(b.Hunks, func(o rule.Hunk) bool { return o.File == h.File && o.Func == h.Func }) {
			return strings.TrimSuffix(h.File, ".go") + "." + h.Func
		}
	}
	return a.Func
}
