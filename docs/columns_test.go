package docs_test

import (
	"fmt"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// The columns at which comments and documents wrap. A tab counts as four.
const (
	commentColumns  = 90
	documentColumns = 120
)

func columns(line string) int {
	return utf8.RuneCountInString(strings.ReplaceAll(line, "\t", "    "))
}

// longLines returns the lines of a Go file's comments, or of a document, that are too
// long, as "path:line: columns". It ignores comments behind code, lines of one word, such
// as an address, and in documents tables, code, and links and pictures that begin a line.
func longLines(name string, text []byte) (found []string) {
	limit, wraps := documentColumns, newDocumentWrap()
	if path.Ext(name) == ".go" {
		limit, wraps = commentColumns, isComment
	}
	for i, line := range strings.Split(string(text), "\n") {
		if n := columns(line); wraps(line) && n > limit {
			found = append(found, fmt.Sprintf("%s:%d: %d columns, more than %d", name, i+1, n, limit))
		}
	}
	return found
}

// isComment reports whether the line is a comment that can be wrapped.
func isComment(line string) bool {
	comment, ok := strings.CutPrefix(strings.TrimLeft(line, "\t "), "//")
	return ok && strings.HasPrefix(comment, " ") && strings.Contains(strings.TrimSpace(comment), " ")
}

// newDocumentWrap returns a function that is called for each line of a document, and
// reports whether the line can be wrapped.
func newDocumentWrap() func(line string) bool {
	fenced := false
	return func(line string) bool {
		if strings.HasPrefix(strings.TrimLeft(line, " "), "```") {
			fenced = !fenced
		}
		for _, exempt := range []string{"|", "    ", "\t", "[", "![", "<!--"} {
			if strings.HasPrefix(line, exempt) {
				return false
			}
		}
		return !fenced && strings.Contains(strings.TrimSpace(line), " ")
	}
}

// Comments wrap at 90 columns, documents at 120. A generated file may have longer
// comments.
func TestColumns(t *testing.T) {
	eachText(t, []string{".go", ".md"}, func(name string, text []byte) {
		if strings.HasPrefix(string(text), "// Code generated ") {
			return
		}
		for _, line := range longLines(name, text) {
			t.Error(line)
		}
	})
}

func TestLongLines(t *testing.T) {
	words := strings.Repeat("word ", 30)
	for _, tc := range []struct {
		name, path, text string
		want             []string
	}{
		{"a comment", "a.go", "package a\n\n// " + words, []string{"a.go:3: 153 columns, more than 90"}},
		{"a tab", "a.go", "\t// 345" + strings.Repeat(" 2345", 17), []string{"a.go:1: 95 columns, more than 90"}},
		{"as long as it may be", "a.go", "// 345" + strings.Repeat(" 2345", 16) + " 234", nil},
		{"code", "a.go", "f() // " + words, nil},
		{"an address", "a.go", "// https://example.com/" + strings.Repeat("a", 100), nil},
		{"a directive", "a.go", "//go:generate " + words, nil},
		{"a document", "a.md", "# A\n\n" + words, []string{"a.md:3: 150 columns, more than 120"}},
		{"a table", "a.md", "| " + words, nil},
		{"indented code", "a.md", "    " + words, nil},
		{"fenced code", "a.md", "```\n" + words + "\n```\n" + words, []string{"a.md:4: 150 columns, more than 120"}},
		{"a picture", "a.md", "![" + words + "](a.png)", nil},
	} {
		require.Equal(t, tc.want, longLines(tc.path, []byte(tc.text)), tc.name)
	}
}
