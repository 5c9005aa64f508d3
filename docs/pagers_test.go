package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every piece of code on the page is in the example.
func TestPagersShowsTheExample(t *testing.T) {
	files, err := filepath.Glob("../examples/pager/*.go")
	require.NoError(t, err)
	var example strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		example.Write(text)
	}
	page, err := os.ReadFile("pagers.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		require.Contains(t, example.String(), block[1])
	}
}
