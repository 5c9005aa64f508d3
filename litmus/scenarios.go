package litmus

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.uffd
var files embed.FS

// Scenario is a scenario that comes with the program.
type Scenario struct {
	Name   string // the name of its file: "close-fault.uffd"
	Source string // its text
}

// Scenarios returns the scenarios that come with the program, sorted by name.
func Scenarios() []Scenario {
	names, err := fs.Glob(files, "*.uffd")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	all := make([]Scenario, 0, len(names))
	for _, name := range names {
		src, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the name comes from the same file system
		}
		all = append(all, Scenario{name, string(src)})
	}
	return all
}

// Find returns the scenario with the name, with or without the ending of its file.
func Find(name string) (Scenario, bool) {
	for _, s := range Scenarios() {
		if s.Name == name || strings.TrimSuffix(s.Name, ".uffd") == name {
			return s, true
		}
	}
	return Scenario{}, false
}
