// Package lessons holds the scenarios that come with the program. Each teaches one thing
// about userfaultfd, in comments around statements that show it, and every answer in it is
// checked when it runs. The lessons whose names begin with h show what older kernels do
// differently; all others are right on the default version.
package lessons

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.uffd
var files embed.FS

// Lesson is a scenario with what it is for.
type Lesson struct {
	// Name is the file's name without its ending: "01-first-fault", "h03-one-retry".
	Name string
	// Title and Teaches are the file's directives of those names: what it is called,
	// and in one sentence what one knows afterwards.
	Title, Teaches string
	// Source is the file's text.
	Source string
}

// All are the lessons in the order in which they are meant to be read.
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

// Find returns the lesson with the name, or with the number that its name begins with.
func Find(name string) (Lesson, bool) {
	for _, l := range All() {
		number, _, _ := strings.Cut(l.Name, "-")
		if name == l.Name || name == l.Name+".uffd" || name == number {
			return l, true
		}
	}
	return Lesson{}, false
}

// directive is the value of a line "#! key: value", "" if there is none.
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
