// Mutate changes the kernel code in one small way at a time, and runs the tests: each change has
// to make one of them fail. The changes are in mutants.txt, a line each: the file, what stands in
// it once, what is put in its place, and, for one of the seed's list, its number, with tabs
// between them.
//
//	go run ./property_test/mutate            # all of them; from the root of the module
//	go run ./property_test/mutate register   # those whose line has the word
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
)

//go:embed mutants.txt
var list string

// tests are what has to notice, the quickest first.
var tests = [][]string{
	{"./uffd/...", "./mm"},
	{"-run", "TestVersions|TestSuiteOnTheModel|TestPropertiesOfTheModel|TestNoFault", "./scenario", "./conform", "./property_test"},
}

type mutant struct{ file, old, now, number string }

// lines writes the new lines and tabs that a line of the list can only name.
var lines = strings.NewReplacer(`\n`, "\n", `\t`, "\t")

func (m *mutant) String() string {
	return strings.TrimRight(fmt.Sprintf("%s: %q -> %q %s", m.file, m.old, m.now, m.number), " ")
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
				fmt.Printf("%-8s %v\n", verdict, &mutants[i])
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

// read reads the list. Each change must be possible in one place only.
func read(word string) ([]mutant, error) {
	var mutants []mutant
	for n, line := range strings.Split(strings.TrimSpace(list), "\n") {
		if strings.HasPrefix(line, "#") || !strings.Contains(line, word) {
			continue
		}
		parts := strings.Split(line, "\t")
		if len(parts) == 3 {
			parts = append(parts, "")
		}
		if len(parts) != 4 {
			return nil, fmt.Errorf("mutants.txt:%d: a file, a text, another, and perhaps a number, with tabs between them", n+1)
		}
		m := mutant{parts[0], lines.Replace(parts[1]), lines.Replace(parts[2]), parts[3]}
		text, err := os.ReadFile(m.file)
		if err != nil {
			return nil, fmt.Errorf("mutants.txt:%d: %w", n+1, err)
		}
		if count := strings.Count(string(text), m.old); count != 1 {
			return nil, fmt.Errorf("mutants.txt:%d: %q stands %d times in %s, not once", n+1, m.old, count, m.file)
		}
		mutants = append(mutants, m)
	}
	return mutants, nil
}

// run builds the code with the change in place of the file, and runs the tests until one fails.
func (m *mutant) run(dir string) string {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "error"
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	overlay := filepath.Join(dir, "overlay.json")
	root, err := filepath.Abs(m.file)
	if err != nil || os.MkdirAll(dir, 0o777) != nil {
		return "error"
	}
	config, err := json.Marshal(map[string]map[string]string{"Replace": {root: changed}})
	if err != nil ||
		os.WriteFile(changed, []byte(strings.Replace(string(text), m.old, m.now, 1)), 0o666) != nil ||
		os.WriteFile(overlay, config, 0o666) != nil {
		return "error"
	}
	if err := exec.Command("go", "build", "-overlay", overlay, "./mm", "./uffd").Run(); err != nil {
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
