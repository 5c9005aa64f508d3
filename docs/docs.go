// Package docs has the documents that the program shows.
package docs

import (
	_ "embed"
	"regexp"
)

//go:embed rules.md
var rules string

var ruleRow = regexp.MustCompile(`(?m)^\| (\S+) \| (.*) \|$`)

// letter is one of those that rules.md uses for what has a longer name, as its beginning says.
var letter = regexp.MustCompile(`\b(ML|PL|DL|[PQDFRWC])\b`)

var names = map[string]string{
	"ML": "mmap_lock", "PL": "fault_pending_wqh.lock", "DL": "fd_wqh.lock",
	"P": "fault_pending_wqh", "Q": "fault_wqh", "D": "fd_wqh",
	"F": "the faulting task", "R": "the reader", "W": "the waker", "C": "the closer",
}

// RuleTexts is what each rule of rules.md says, by its number, with the names that it has letters for.
func RuleTexts() map[string]string {
	texts := map[string]string{}
	for _, m := range ruleRow.FindAllStringSubmatch(rules, -1) {
		texts[m[1]] = letter.ReplaceAllStringFunc(m[2], func(l string) string { return names[l] })
	}
	return texts
}
