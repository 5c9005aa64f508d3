package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every line of code on the page, and the diagram, is in an example that runs.
func TestLibraryShowsTheExamples(t *testing.T) {
	var examples strings.Builder
	for _, name := range []string{"../explore/standalone_example_test.go", "../examples/boundedqueue/queue_test.go"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		examples.Write(text)
	}
	page, err := os.ReadFile("library.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```(?:go)?\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	require.Greater(t, len(blocks), 3)
	for _, block := range blocks {
		for line := range strings.Lines(block[1]) {
			if strings.Contains(line, "not interchangeable") {
				continue // the message for a program that is wrong
			}
			require.Contains(t, examples.String(), strings.TrimSpace(line))
		}
	}
}
