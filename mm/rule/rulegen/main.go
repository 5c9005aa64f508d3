// Rulegen turns the rules of a list into code. For every function that a hunk of the list
// changes it writes a second one, which asks for each rule whether it has been dropped: so
// the function itself is the kernel's, with one line that goes to the other if any rule has
// been. The files that it writes are named rules_gen.go.
//
//	go run ./mm/rule/rulegen      # from the root of the module
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/uffdsim/uffdsim/mm/rule"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	files, err := generate(root)
	if err == nil {
		for name, text := range files {
			if err = os.WriteFile(filepath.Join(root, name), text, 0o666); err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// ruled are the packages that keep rules.
var ruled = []string{"mm", "uffd"}

// generate returns the generated files of the module at root, by their names.
func generate(root string) (map[string][]byte, error) {
	return generateFrom(root, "uffd/rules.diff", ruled)
}

// generateFrom is generate with another list of rules, and for other packages.
func generateFrom(root, list string, dirs []string) (map[string][]byte, error) {
	text, err := os.ReadFile(filepath.Join(root, list))
	if err != nil {
		return nil, err
	}
	infos, err := rule.Parse(list, string(text), "")
	if err != nil {
		return nil, err
	}
	for _, info := range infos {
		for i := range info.Hunks {
			if h := &info.Hunks[i]; !slices.Contains(dirs, filepath.Dir(h.File)) {
				return nil, fmt.Errorf("%s:%d: %s is in none of %v", list, h.Line, h.File, dirs)
			}
		}
	}
	packages, err := load(root, dirs)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, p := range packages {
		p.rules = list
		if err := p.collect(infos); err != nil {
			return nil, err
		}
		if files[filepath.Join(p.dir, "rules_gen.go")], err = p.file(); err != nil {
			return nil, err
		}
	}
	return files, nil
}
