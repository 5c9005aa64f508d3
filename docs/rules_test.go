package docs_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/uffd"
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
	require.Empty(t, untested, "rules without a test: cite each in a test, or list it in model.md")
	for rule := range leftOut {
		require.True(t, rules[rule], "model.md leaves out %s, which rules.md does not know", rule)
		require.False(t, cited[rule], "model.md leaves out %s, but a test cites it", rule)
	}
}

// Every number of a rule that a Go file or a rule of uffd/rules.diff cites has a row in
// rules.md. A word such as UTF-8 is no citation: no row begins with UTF-.
func TestEveryCitationHasARow(t *testing.T) {
	rules := rulesIn(t, "rules.md", "")
	for _, info := range uffd.Rules() {
		require.True(t, rules[info.Number], "uffd/rules.diff: rule %s has the number %s, which has no row in docs/rules.md", info.Name, info.Number)
	}
	sections := map[string]bool{}
	for rule := range rules {
		sections[sectionOf(rule)] = true
	}
	for path, cited := range citedBy(t, ".go") {
		for rule := range cited {
			if sections[sectionOf(rule)] && !rules[rule] {
				t.Errorf("%s cites %s, which has no row in docs/rules.md", path, rule)
			}
		}
	}
}

// sectionOf returns the beginning that the numbers of related rules share: WAKE- for
// WAKE-6.
func sectionOf(rule string) string { return strings.TrimRight(rule, "0123456789.") }

// rulesIn returns the rules that begin a row of a table in the document, behind a
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
	for _, cited := range citedBy(t, "_test.go") {
		maps.Copy(found, cited)
	}
	return found
}

// citedBy returns, for each file whose name ends in suffix, the rules that it names.
func citedBy(t *testing.T, suffix string) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, suffix) || filepath.Base(path) == "rules_test.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found := map[string]bool{}
		for _, m := range citation.FindAllString(string(text), -1) {
			found[m] = true
		}
		for _, m := range ruleRange.FindAllStringSubmatch(string(text), -1) {
			addRange(found, m[1], m[2], m[3])
		}
		all[path] = found
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, all)
	return all
}

func addRange(found map[string]bool, section, from, to string) {
	first, _ := strconv.Atoi(from)
	last, _ := strconv.Atoi(to)
	for n := first; n <= last; n++ {
		found[fmt.Sprintf("%s-%d", section, n)] = true
	}
}
