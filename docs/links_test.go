package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
)

// guides are the documents for maintainers, from the root of the module.
var guides = []string{"CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/architecture.md"}

// markdown returns the documents, from the root of the module.
func markdown(t *testing.T) []string {
	names, err := filepath.Glob("*.md")
	require.NoError(t, err)
	upstream, err := filepath.Glob("upstream/*.md")
	require.NoError(t, err)
	names = append(names, upstream...)
	for i, name := range names {
		names[i] = "docs/" + name
	}
	return append(names, "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
}

func readDocument(t *testing.T, name string) string {
	text, err := os.ReadFile(filepath.Join("..", name))
	require.NoError(t, err)
	return string(text)
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)

// Every relative link leads to a file or a directory.
func TestLinks(t *testing.T) {
	n := 0
	for _, name := range markdown(t) {
		for _, m := range link.FindAllStringSubmatch(readDocument(t, name), -1) {
			n++
			_, err := os.Stat(filepath.Join("..", filepath.Dir(name), m[1]))
			require.NoError(t, err, name)
		}
	}
	require.Greater(t, n, 30)
}

// planned lists the files that docs/architecture.md names for features that the model
// does not have yet, and those that the recipes of CONTRIBUTING.md invent. They need not
// exist. They may exist, while a reader tries a recipe.
var planned = []string{
	"uffd/writeprotect.go", "uffd/continue.go", "uffd/poison.go", "uffd/move.go", "uffd/event.go",
	"mm/move_pages.go", "uffd/count.go", "uffd/count_test.go", "kernel/testdata/wake-needs-mapping.uffd", "lessons/NN-name.uffd",
}

var sourceFile = regexp.MustCompile(`\b[a-z_]+(?:/[\w.-]+)*/[\w-]+\.(?:go|diff|txt|uffd)\b`)

// Every source file that a guide names exists, or is planned or invented.
func TestGuidesNameFilesThatExist(t *testing.T) {
	for _, name := range guides {
		for _, path := range sourceFile.FindAllString(readDocument(t, name), -1) {
			if slices.Contains(planned, path) {
				continue
			}
			_, err := os.Stat(filepath.Join("..", path))
			require.NoError(t, err, "%s names %s", name, path)
		}
	}
}

var exampleRule = regexp.MustCompile("(?s)   ```\n(   rule .*?)   ```\n")

// The example of a rule in CONTRIBUTING.md is one that rulegen accepts: its fields are
// valid, its number and its program exist, and its hunk matches.
func TestRuleOfTheRecipe(t *testing.T) {
	block := exampleRule.FindStringSubmatch(readDocument(t, "CONTRIBUTING.md"))
	require.NotNil(t, block)
	infos, err := rule.Parse("CONTRIBUTING.md", regexp.MustCompile(`(?m)^   `).ReplaceAllString(block[1], ""), "")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	require.True(t, rulesIn(t, "rules.md", "")[infos[0].Number], infos[0].Number)
	_, err = explore.SetupOf(infos[0])
	require.NoError(t, err)
	for _, h := range infos[0].Hunks {
		_, err := h.Locate(readDocument(t, h.File))
		require.NoError(t, err)
	}
}

var pathOfAFault = regexp.MustCompile(`([\w.()*]+(?:, \w+)*) +([a-z]+(?:/\w+)*\.go)\b`)

// Every function on the path of a fault stands in the file that docs/architecture.md
// says.
func TestPathOfAFault(t *testing.T) {
	_, section, ok := strings.Cut(readDocument(t, "docs/architecture.md"), "## The path of one fault")
	require.True(t, ok)
	picture := strings.Split(section, "```")[1]
	n := 0
	for _, m := range pathOfAFault.FindAllStringSubmatch(picture, -1) {
		source := readDocument(t, m[2])
		for name := range strings.SplitSeq(m[1], ", ") {
			n++
			name = name[strings.LastIndex(name, ".")+1:]
			require.Regexp(t, `(?m)^func (?:\([^)]*\) )?`+name+`\(`, source, "%s in %s", name, m[2])
		}
	}
	require.Greater(t, n, 20)
}
