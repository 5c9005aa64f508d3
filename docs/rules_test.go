package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	ruleRow  = regexp.MustCompile(`(?m)^\| ([A-Z]+-\d+|§\d+(?:\.\d+)?) \|`)
	citation = regexp.MustCompile(`(?:[A-Z]+-\d+|§\d+(?:\.\d+)?)`)
	// Ranges are cited as "REL-1 to REL-9" or "REL-1..9".
	ruleRange = regexp.MustCompile(`([A-Z]+)-(\d+)(?: to [A-Z]+-|\.\.\.?)(\d+)`)
)

// Every rule has a test that cites its number, unless docs/model.md lists it among
// the rules that are left out on purpose.
func TestEveryRuleIsTested(t *testing.T) {
	rules := rulesIn(t, "rules.md", "")
	require.Greater(t, len(rules), 100, "rules.md has lost its tables")
	leftOut := rulesIn(t, "model.md", "## Rules left out")
	cited := citations(t)
	var untested []string
	for rule := range rules {
		if !cited[rule] && !leftOut[rule] {
			untested = append(untested, rule)
		}
	}
	sort.Strings(untested)
	require.Empty(t, untested, "rules without a test")
	for rule := range leftOut {
		require.True(t, rules[rule], "model.md leaves out %s, which rules.md does not know", rule)
		require.False(t, cited[rule], "model.md leaves out %s, but a test cites it", rule)
	}
}

// rulesIn returns the rules that head a row of a table in the document, behind a
// heading.
func rulesIn(t *testing.T, name, heading string) map[string]bool {
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), heading)
	require.True(t, ok, "%s has no heading %q", name, heading)
	found := map[string]bool{}
	for _, m := range ruleRow.FindAllStringSubmatch(section, -1) {
		require.False(t, found[m[1]], "%s has two rows for %s", name, m[1])
		found[m[1]] = true
	}
	return found
}

// citations returns the rules that the project's tests name.
func citations(t *testing.T) map[string]bool {
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || filepath.Base(path) == "rules_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range citation.FindAllString(string(text), -1) {
			found[m] = true
		}
		for _, m := range ruleRange.FindAllStringSubmatch(string(text), -1) {
			addRange(found, m[1], m[2], m[3])
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func addRange(found map[string]bool, section, from, to string) {
	first, _ := strconv.Atoi(from)
	last, _ := strconv.Atoi(to)
	for n := first; n <= last; n++ {
		found[fmt.Sprintf("%s-%d", section, n)] = true
	}
}
