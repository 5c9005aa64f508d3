package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// A rule whose program does not exist is an error, and not a panic.
func TestExplainWithoutAProgram(t *testing.T) {
	_, err := newExplanation(rule.Info{Name: "x", Program: "unreg"}, 0)
	require.EqualError(t, err, `rule x names program "unreg", which does not exist (did you mean "unregister"?)`)
}
