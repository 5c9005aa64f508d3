// Rulegen turns the rules of a list into code. For every function that a hunk of the list
// changes it writes a variant, which checks for each rule whether it is dropped. The
// function itself stays as in the kernel, except for the statement that dispatches to the
// variant if any rule is dropped. The variants of a package are in its file rules_gen.go.
//
//	go run ./mm/rule/rulegen [ROOT]    # ROOT is the root of the module, . by default
//
// Package rule has the format of the list. rulegen is internal to this module: everything
// may change in any commit.
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

// ruled are the directories of the packages with functions that rules change.
var ruled = []string{"mm", "uffd"}

// generate returns the contents of the generated files by their paths from root, the root
// of the module.
func generate(root string) (map[string][]byte, error) {
	return generateFrom(root, "uffd/rules.diff", ruled)
}

// generateFrom is generate for the given list of rules and package directories.
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
