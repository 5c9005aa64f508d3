package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/docs"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// A rule whose program does not exist is an error, and not a panic.
func TestExplainWithoutAProgram(t *testing.T) {
	_, err := newExplanation(rule.Info{Name: "x", Program: "unreg"}, 0)
	require.EqualError(t, err, `rule x names program "unreg", which does not exist (did you mean "unregister"?)`)
}

// The numbers are those of the rows of docs/rules.md.
func TestRuleNumbers(t *testing.T) {
	text, err := os.ReadFile("../../docs/rules.md")
	require.NoError(t, err)
	var want []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]+-\d+|§\d+(?:\.\d+)?) \|`).FindAllStringSubmatch(string(text), -1) {
		want = append(want, row[1])
	}
	require.NotEmpty(t, want)
	require.Equal(t, want, docs.RuleNumbers())
}

// A number of docs/rules.md that no rule to drop has is not an unknown one.
func TestRuleThatCannotBeDropped(t *testing.T) {
	for _, name := range []string{"FAULT-1", "api-6", "UNREG-4"} {
		_, err := findRule(name)
		require.EqualError(t, err, strings.ToUpper(name)+` is a rule (docs/rules.md), but not one that can be dropped: "uffdsim rules" lists those`)
	}
	_, err := findRule("fault-99")
	require.EqualError(t, err, `no rule "fault-99": "uffdsim rules" lists them`)
}
