// Package docs has what the program shows of the documents in this directory. Its tests
// compare the documents, and the rules of style and structure that they state, with the
// code.
package docs

import (
	_ "embed" // for rules
	"regexp"
)

//go:embed rules.md
var rules string

var ruleRow = regexp.MustCompile(`(?m)^\| ([A-Z]+-\d+|§\d+(?:\.\d+)?) \|`)

// RuleNumbers returns the numbers of the rules in rules.md, in its order.
func RuleNumbers() (numbers []string) {
	for _, row := range ruleRow.FindAllStringSubmatch(rules, -1) {
		numbers = append(numbers, row[1])
	}
	return numbers
}
