// Package lessons holds the scenarios that come with the program. Each teaches one thing
// about userfaultfd, in comments around statements that show it. Running a lesson checks
// every result in it. The lessons whose names begin with h show what older kernels do
// differently; all others are right on the default version.
package lessons

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.uffd
var files embed.FS

// Lesson is a scenario that teaches one thing.
type Lesson struct {
	// Name is the file's name without its ending: "01-first-fault", "h03-one-retry".
	Name string
	// Title and Teaches are the values of the file's lines "#! title: ..." and
	// "#! teaches: ...": a title, and in one sentence what the reader learns.
	Title, Teaches string
	// Source is the file's text.
	Source string
}

// All returns the lessons in the order in which they are meant to be read.
func All() []Lesson {
	names, err := fs.Glob(files, "*.uffd")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	all := make([]Lesson, 0, len(names))
	for _, name := range names {
		src, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the name comes from the same file system
		}
		l := Lesson{Name: strings.TrimSuffix(name, ".uffd"), Source: string(src)}
		l.Title, l.Teaches = directive(l.Source, "title"), directive(l.Source, "teaches")
		all = append(all, l)
	}
	return all
}

// Find returns the lesson with the name, or with the number that its name begins with:
// "1", "01", "01-first-fault" and "01-first-fault.uffd" are the same lesson, and so are
// "h1" and "h01".
func Find(name string) (Lesson, bool) {
	for _, l := range All() {
		number, _, _ := strings.Cut(l.Name, "-")
		if name == l.Name || name == l.Name+".uffd" || withoutZeros(name) == withoutZeros(number) {
			return l, true
		}
	}
	return Lesson{}, false
}

// withoutZeros returns the number of a lesson without leading zeros: "h1" for "h01".
func withoutZeros(number string) string {
	if rest, ok := strings.CutPrefix(number, "h"); ok {
		return "h" + strings.TrimLeft(rest, "0")
	}
	return strings.TrimLeft(number, "0")
}

// directive returns the value of a line "#! key: value", "" if none.
func directive(src, key string) string {
	for line := range strings.Lines(src) {
		if text, ok := strings.CutPrefix(line, "#!"); ok {
			if k, v, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(k) == key {
				return strings.TrimSpace(v)
			}
		}
	}
	return ""
}
