// Mutate makes one small change to the code at a time, and runs the tests. Each change
// must make at least one of them fail. The changes to the kernel code are in
// mutants.diff, those to the explorer and to the simulated scheduler in explorer.diff,
// in the format of the rules (package mm/rule). A field "number" is the mutant's number
// in the list with which this project began. A field "equivalent" says why a change
// makes no difference that a test could notice; no tests run then.
//
//	go run ./property_test/mutate            # the kernel code; from the root of the module
//	go run ./property_test/mutate -explorer  # the explorer
//	go run ./property_test/mutate register   # those with one of the words in their name or file
package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/uffdsim/uffdsim/mm/rule"
)

var (
	//go:embed mutants.diff
	kernelDiff string
	//go:embed explorer.diff
	explorerDiff string
)

// mutantList is a list of mutants and what must notice them.
type mutantList struct {
	file, text string
	tests      []testRun // the quickest first
}

// timeLimit is the time limit of one run of tests. A mutant that exceeds it counts as
// killed.
const timeLimit = "300s"

// testRun is a run of go test.
type testRun struct {
	in   string   // runs for changes to files whose names begin so; "" is all
	args []string // of go test
}

var (
	kernelList = mutantList{
		file: "mutants.diff", text: kernelDiff,
		tests: []testRun{
			{"", []string{"./uffd/...", "./mm"}},
			{"", []string{
				"-run", "TestVersions|TestSuiteOnTheModel|TestPropertiesOfTheModel|TestNoFault", "./scenario", "./conform", "./property_test",
			}},
		},
	}
	explorerList = mutantList{
		file: "explorer.diff", text: explorerDiff,
		tests: []testRun{
			{"", []string{
				"-short", "-run",
				"TestReductionsOnToyTable|TestSleepSets|TestClosure|TestStubborn|TestReferencesLeft|TestLockSets|TestNewEdges|TestSleepsBefore|TestVisitedState|TestWatch|TestSleepersAreSafe",
				"./explore",
			}},
			{"sim/", []string{"-short", "./sim"}},
			{"explore/symmetry", []string{"-short", "-run", "TestPermuted|TestOutcomesOfInterchangeable", "./explore"}},
			{"explore/s", []string{"-short", "-run", "TestShardsAddUp|TestOutcomesOfAnEarlier", "./explore"}},
		},
	}
)

// mutant is a change to some files.
type mutant struct {
	rule.Diff
	changed map[string]string // the new texts, by file
}

func main() {
	explorer := flag.Bool("explorer", false, "mutate the explorer, not the kernel code")
	flag.Parse()
	list := kernelList
	if *explorer {
		list = explorerList
	}
	mutants, err := list.read(flag.Args()...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var built map[int]bool // the mutants that are in binaries in dir
	if *explorer {
		if built, err = list.build(mutants, dir); err == nil {
			err = list.checkBuilt(dir)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	survived := 0
	var mu sync.Mutex
	var all sync.WaitGroup
	next := make(chan int)
	for range 2 {
		all.Go(func() {
			for i := range next {
				number := 0
				if built[i] {
					number = i + 1
				}
				verdict := list.run(&mutants[i], number, dir)
				mu.Lock()
				fmt.Printf("%s: %s\n", mutants[i].Name, verdict)
				if verdict != "equivalent" && !strings.HasPrefix(verdict, "killed") {
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

// read reads the mutants with one of the words in their name or file; all if there are no
// words. Each hunk must match in one place only.
func (l *mutantList) read(words ...string) ([]mutant, error) {
	diffs, err := rule.ParseDiffs(l.file, l.text)
	if err != nil {
		return nil, err
	}
	var mutants []mutant
	for _, d := range diffs {
		m := mutant{Diff: d, changed: map[string]string{}}
		has := func(text string) bool {
			return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
		}
		wanted := len(words) == 0 || has(d.Name)
		for i := range d.Hunks {
			h := &d.Hunks[i]
			wanted = wanted || has(h.File)
			if m.changed[h.File] == "" {
				text, err := os.ReadFile(filepath.FromSlash(h.File))
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", l.file, h.Line, err)
				}
				m.changed[h.File] = string(text)
			}
			edits, err := h.Locate(m.changed[h.File])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", l.file, d.Name, err)
			}
			m.changed[h.File] = rule.Apply(m.changed[h.File], edits)
		}
		if wanted {
			mutants = append(mutants, m)
		}
	}
	return mutants, nil
}

// run runs the tests with the mutant until one fails. If number is not 0, it is that of
// the mutant in the test binaries in dir.
func (l *mutantList) run(m *mutant, number int, dir string) string {
	if _, equivalent := m.Fields["equivalent"]; equivalent {
		return "equivalent"
	}
	overlay := ""
	if number == 0 {
		var err error
		if overlay, err = m.overlay(filepath.Join(dir, m.Name)); err != nil {
			return "error"
		}
	}
	for _, run := range l.tests {
		if !m.changes(run.in) {
			continue
		}
		var out []byte
		var err error
		if number > 0 {
			out, err = run.runBuilt(number, dir)
		} else {
			args := append([]string{"test", "-overlay", overlay, "-vet=off", "-count=1", "-failfast", "-timeout", timeLimit}, run.args...)
			out, err = exec.Command("go", args...).CombinedOutput()
		}
		switch {
		case bytes.Contains(out, []byte("[build failed]")):
			return "no build"
		case bytes.Contains(out, []byte("test timed out")):
			return "killed by the time limit"
		case err != nil:
			return "killed" + killer(out)
		}
	}
	return "SURVIVED"
}

// changes reports whether the mutant changes a file whose name begins so.
func (m *mutant) changes(prefix string) bool {
	return slices.ContainsFunc(m.Hunks, func(h rule.Hunk) bool { return strings.HasPrefix(h.File, prefix) })
}

// killer returns " by" and the test that failed first, "" if the output names none.
func killer(out []byte) string {
	_, rest, _ := bytes.Cut(out, []byte("--- FAIL: "))
	test, _, found := bytes.Cut(rest, []byte(" "))
	if !found {
		return ""
	}
	return " by " + string(test)
}

// checkBuilt returns an error if a test fails without a mutant.
func (l *mutantList) checkBuilt(dir string) error {
	for _, run := range l.tests {
		if out, err := run.runBuilt(0, dir); err != nil {
			return fmt.Errorf("the tests fail without a mutant%s", killer(out))
		}
	}
	return nil
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
