package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The script in cmd/uffdsim runs the commands of docs/findings.md, all of them and no
// others.
func TestCommandsOfFindings(t *testing.T) {
	text, err := os.ReadFile("findings.md")
	require.NoError(t, err)
	script, err := os.ReadFile("../cmd/uffdsim/testdata/script/findings.txtar")
	require.NoError(t, err)
	commands := regexp.MustCompile(`(?m)^    (uffdsim [^#\n]*)`).FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(commands), 15)
	for _, c := range commands {
		require.Contains(t, string(script), "exec "+strings.TrimSpace(c[1])+"\n")
	}
	require.Equal(t, len(commands), strings.Count(string(script), "exec uffdsim "), "and no others")
}
