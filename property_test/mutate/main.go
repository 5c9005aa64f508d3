// Mutate makes one small change to the kernel code at a time, and runs the tests. Each
// change must make at least one of them fail. The changes are in mutants.diff, in the
// format of the rules (package mm/rule). A field "number" is the mutant's number in the
// list with which this project began.
//
//	go run ./property_test/mutate            # all of them; from the root of the module
//	go run ./property_test/mutate register   # those with the word in their name or file
package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/uffdsim/uffdsim/mm/rule"
)

//go:embed mutants.diff
var list string

// tests are the packages whose tests must notice a mutant, the quickest first.
var tests = [][]string{
	{"./uffd/...", "./mm"},
	{"-run", "TestVersions|TestSuiteOnTheModel|TestPropertiesOfTheModel|TestNoFault", "./scenario", "./conform", "./property_test"},
}

// mutant is a change to some files.
type mutant struct {
	rule.Diff
	changed map[string]string // the new texts, by file
}

func main() {
	word := strings.Join(os.Args[1:], " ")
	mutants, err := read(word)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	survived := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan int)
	for range 2 {
		all.Go(func() {
			for i := range next {
				verdict := mutants[i].run(filepath.Join(dir, fmt.Sprint(i)))
				mu.Lock()
				fmt.Printf("%-8s %s\n", verdict, mutants[i].Name)
				if verdict != "killed" {
					survived++
				}
				mu.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	all.Wait()
	_ = os.RemoveAll(dir)
	fmt.Printf("%d mutants, %d not killed\n", len(mutants), survived)
	if survived > 0 {
		os.Exit(1)
	}
}

// read reads the list. Each hunk must match in one place only.
func read(word string) ([]mutant, error) {
	diffs, err := rule.ParseDiffs("mutants.diff", list)
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, d := range diffs {
		m := mutant{Diff: d, changed: map[string]string{}}
		wanted := strings.Contains(d.Name, word)
		for i := range d.Hunks {
			h := &d.Hunks[i]
			wanted = wanted || strings.Contains(h.File, word)
			if m.changed[h.File] == "" {
				text, err := os.ReadFile(filepath.FromSlash(h.File))
				if err != nil {
					return nil, fmt.Errorf("mutants.diff:%d: %w", h.Line, err)
				}
				m.changed[h.File] = string(text)
			}
			edits, err := h.Locate(m.changed[h.File])
			if err != nil {
				return nil, fmt.Errorf("mutants.diff: %s: %w", d.Name, err)
			}
			m.changed[h.File] = rule.Apply(m.changed[h.File], edits)
		}
		if wanted {
			mutants = append(mutants, m)
		}
	}
	return mutants, nil
}

// run builds the code with the change in place of the files, and runs the tests until one
// fails.
func (m *mutant) run(dir string) string {
	overlay, err := m.overlay(dir)
	if err != nil {
		return "error"
	}
	if err := exec.Command("go", "build", "-overlay", overlay, "./mm/...", "./uffd").Run(); err != nil {
		return "no build"
	}
	for _, args := range tests {
		args = append([]string{"test", "-overlay", overlay, "-count=1", "-failfast", "-timeout", "120s"}, args...)
		if err := exec.Command("go", args...).Run(); err != nil {
			return "killed"
		}
	}
	return "SURVIVED"
}

// overlay writes the changed files, and returns the configuration that lays them over the
// module.
func (m *mutant) overlay(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	replace := map[string]string{}
	for file, text := range m.changed {
		path, err := filepath.Abs(filepath.FromSlash(file))
		if err != nil {
			return "", err
		}
		replace[path] = filepath.Join(dir, strings.ReplaceAll(file, "/", "-"))
		if err := os.WriteFile(replace[path], []byte(text), 0o666); err != nil {
			return "", err
		}
	}
	config, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, config, 0o666)
}
