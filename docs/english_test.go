package docs_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// phrases are those that a reader stumbles over. Each has a plainer form: a subject with a
// name ("every task that waits" for "who waits"), a modern word ("expensive" for "dear"), or
// a shorter one ("if none" for "there is none that"). Add to them when a review finds another.
var phrases = []string{
	"in this age", "has leave to", "no leave to", "in mind any more", "who ought",
	"there is none that", "that there is not", "that there are not", "is dear",
	"to who", "of who", "by who", "wakes who", "is told of", "are told of",
	"is let go", "are let go", "lets go", "come to its end", "has come to",
	"through with", "all the same", "not any more", "what there is",
}

// plain are the packages that use none of the phrases. Add a package once it passes.
var plain = []string{
	"errno", "sim", "vfs", "lockorder", "procfs",
	"mm", "mm/page", "mm/pgtable", "mm/rule", "mm/rule/rulegen",
	"uffd", "uffd/abi", "kernel", "machine", "cmd/uffdsim",
}

// phrase matches any of the phrases as whole words, whatever the case and the white space.
var phrase = regexp.MustCompile(`(?i)\b(` + strings.ReplaceAll(strings.Join(phrases, "|"), " ", `\s+`) + `)\b`)

// commentMark matches the beginning of a comment's line, and of a line of a diff or a document.
var commentMark = regexp.MustCompile(`(?m)^[ \t]*(//|[-+#>*]+)`)

// stumbles returns the phrases in a file as "path:line: phrase". In Go files it searches
// comments and strings, and so no identifiers; in other files the whole text. A phrase may
// be spread over several lines of a comment.
func stumbles(path string, text []byte) (found []string) {
	fset := token.NewFileSet()
	file := fset.AddFile(path, -1, len(text))
	search := func(from, to int) {
		// Blank the marks, so that offsets stay and white space joins the lines.
		prose := commentMark.ReplaceAllFunc(slices.Clone(text[from:to]), func(mark []byte) []byte {
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

func TestPlainEnglish(t *testing.T) {
	for _, dir := range plain {
		files, err := os.ReadDir(filepath.Join("..", dir))
		require.NoError(t, err)
		for _, f := range files {
			if f.IsDir() || !slices.Contains([]string{".go", ".md", ".diff"}, filepath.Ext(f.Name())) {
				continue
			}
			text, err := os.ReadFile(filepath.Join("..", dir, f.Name()))
			require.NoError(t, err)
			for _, s := range stumbles(dir+"/"+f.Name(), text) {
				t.Error(s)
			}
		}
	}
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
		{"part of a word", "a.go", "// through without, of whom\npackage a\n", nil},
		{"apart", "a.go", "package a\n\nvar a int // what there\nvar b int // is\n", nil},
		{"a diff", "a.diff", "# It has\n# come to it.\n", []string{"a.diff:1: has come to"}},
		{"a document", "a.md", "A lock\nis let\ngo.\n", []string{"a.md:2: is let go"}},
	} {
		require.Equal(t, tc.want, stumbles(tc.path, []byte(tc.text)), tc.name)
	}
}
