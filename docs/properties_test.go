package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/property_test"
)

// docs/properties.md has every property, with its sentence.
func TestEveryPropertyIsDescribed(t *testing.T) {
	text, err := os.ReadFile("properties.md")
	require.NoError(t, err)
	for _, p := range properties.Properties() {
		require.Contains(t, string(text), "| "+p.Name+" | "+strings.Join(strings.Fields(p.Says), " ")+" |")
	}
}
