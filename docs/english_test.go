package docs_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// phrases make a reader stumble. Each has a plainer form: a subject with a name ("every
// task that waits" for "who waits"), a modern word ("expensive" for "dear"), or a shorter
// one ("if none" for "there is none that"). Add to them when a review finds another.
var phrases = []string{
	"in this age", "has leave to", "no leave to", "in mind any more", "who ought",
	"there is none that", "that there is not", "that there are not", "is dear",
	"to who", "of who", "by who", "wakes who", "is told of", "are told of",
	"is let go", "are let go", "lets go", "come to its end", "has come to",
	"through with", "all the same", "not any more", "what there is",
	"whom", "in how far", "leave to", "held against", "holds against", "become of", "came of", "come of it",
	"who waits", "who has", "who wants", "who sleeps", "makes itself known", "as chance", "by chance",
	"brings along", "told apart", "tells apart", "one has to", "but for", "let loose", "lets them loose",
	"is there for", "when it comes to",
}

// phrase matches any of the phrases as whole words, whatever the case and the white
// space.
var phrase = regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(strings.Join(phrases, "|"), " ", `\s+`) + `)\b`)

// notProse matches the beginning of a comment's line, and of a line of a diff or a
// document, and the bad examples of CONTRIBUTING.md: the quotations in the first column
// of a table.
var notProse = regexp.MustCompile(`(?m)^[ \t]*(//|[-+#>*]+)|^\| "[^|]*" \|`)

// stumbles returns the phrases in a file as "path:line: phrase". In Go files it searches
// comments and strings, and so no identifiers; in other files the whole text. A phrase
// may be spread over several lines of a comment.
func stumbles(path string, text []byte) (found []string) {
	fset := token.NewFileSet()
	file := fset.AddFile(path, -1, len(text))
	search := func(from, to int) {
		// Blank the marks, so that offsets stay and white space joins the lines.
		prose := notProse.ReplaceAllFunc(slices.Clone(text[from:to]), func(mark []byte) []byte {
			return []byte(strings.Repeat(" ", len(mark)))
		})
		for _, at := range phrase.FindAllIndex(prose, -1) {
			words := strings.Join(strings.Fields(string(prose[at[0]:at[1]])), " ")
			found = append(found, fmt.Sprintf("%s:%d: %s", path, file.Line(file.Pos(from+at[0])), words))
		}
	}
	if filepath.Ext(path) != ".go" {
		file.SetLinesForContent(text)
		search(0, len(text))
		return found
	}
	var s scanner.Scanner
	s.Init(file, text, nil, scanner.ScanComments)
	from, to := 0, 0 // the comments that follow each other without code in between
	for {
		pos, tok, lit := s.Scan()
		at := file.Offset(pos)
		switch tok {
		case token.COMMENT:
			if to == 0 {
				from = at
			}
			to = at + len(lit)
			continue
		case token.SEMICOLON:
			if lit == "\n" { // not in the text: a comment on the next line may continue this one
				continue
			}
		}
		search(from, to)
		from, to = 0, 0
		if tok == token.STRING {
			search(at, at+len(lit))
		}
		if tok == token.EOF {
			return found
		}
	}
}

// prose are the extensions of the files that people read.
var prose = []string{".go", ".md", ".uffd", ".diff", ".html", ".js", ".c"}

// eachText calls do for every file of the module that has one of the extensions, with its
// path from the root of the module.
func eachText(t *testing.T, extensions []string, do func(path string, text []byte)) {
	n := 0
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") && name != ".." && d.IsDir() {
			return filepath.SkipDir
		}
		if d.IsDir() || !slices.Contains(extensions, filepath.Ext(name)) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		n++
		do(filepath.ToSlash(strings.TrimPrefix(name, ".."+string(filepath.Separator))), text)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, n, 10)
}

// All documents, lessons, help texts, comments and strings are in plain English.
func TestPlainEnglish(t *testing.T) {
	eachText(t, prose, func(name string, text []byte) {
		if name == "docs/english_test.go" {
			return
		}
		for _, line := range stumbles(name, text) {
			t.Error(line)
		}
	})
}

func TestStumbles(t *testing.T) {
	for _, tc := range []struct {
		name, path, text string
		want             []string
	}{
		{"a comment", "a.go", "package a\n\n// f lets go of it.\nfunc f()\n", []string{"a.go:3: lets go"}},
		{"over two lines", "a.go", "package a\n\n\t// It is\n\t// let go.\n", []string{"a.go:3: is let go"}},
		{"beside code", "a.go", "package a\n\nvar a int // it is All\n// the same\n", []string{"a.go:3: All the same"}},
		{"in a block", "a.go", "package a /*\nand is\ndear */\n", []string{"a.go:2: is dear"}},
		{"a string", "a.go", "package a\n\nconst s = \"gone through with\"\n", []string{"a.go:3: through with"}},
		{"two of them", "a.go", "package a // to who, of who\n", []string{"a.go:1: to who", "a.go:1: of who"}},
		{"no comment", "a.go", "package a\n\nvar is, dear = lets, GoTo(through.With)\n", nil},
		{"part of a word", "a.go", "// through without, of whose\npackage a\n", nil},
		{"apart", "a.go", "package a\n\nvar a int // what there\nvar b int // is\n", nil},
		{"a diff", "a.diff", "# It has\n# come to it.\n", []string{"a.diff:1: has come to"}},
		{"a bad example", "a.md", "| \"it is dear\" | it is expensive |\n", nil},
		{"a lesson", "a.uffd", "mmap()\n# who waits\n", []string{"a.uffd:2: who waits"}},
		{"a document", "a.md", "A lock\nis let\ngo.\n", []string{"a.md:2: is let go"}},
	} {
		require.Equal(t, tc.want, stumbles(tc.path, []byte(tc.text)), tc.name)
	}
}
