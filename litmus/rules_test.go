package litmus_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	mmrule "github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// rule returns the rule with the name.
func rule(t testing.TB, name string) mmrule.Rule {
	t.Helper()
	r, err := uffd.ParseRule(name)
	require.NoError(t, err)
	return r
}
