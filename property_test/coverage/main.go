// Coverage runs the tests and prints the statements of mm and uffd that none of them
// reaches. The list unreached.txt has the places that the tests need not reach, each with
// the reason. The program fails if a statement is unreached and not in the list.
//
// Generated files (rules_gen.go) are excluded. They contain the variants of kernel
// functions without a rule of the protocol, which the explorer runs: `go test ./explore`
// checks that it catches every dropped rule.
//
//	go run ./property_test/coverage              # all tests, all of mm and uffd; from the root of the module
//	go run ./property_test/coverage properties   # the properties alone, the files that handle faults and registrations
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// run says which tests must reach which files.
type run struct {
	tests  []string // packages
	args   []string // of the test binaries
	files  []string // nil: all
	atMost float64  // the largest percentage of unreached statements, whether in the list or not
}

var runs = map[string]run{
	"": {
		tests:  []string{"./mm/...", "./uffd/...", "./kernel", "./procfs", "./machine", "./scenario", "./lessons", "./conform", "./property_test", "./explore"},
		atMost: 1,
	},
	// The error paths of register, unregister, wake, COPY and ZEROPAGE, all decisions
	// about merges, and every way into and out of the queues.
	"properties": {
		tests:  []string{"./property_test"},
		args:   []string{"-rapid.checks=300", "-rapid.seed=1"},
		files:  []string{"mm/mcopy.go", "mm/merge.go", "uffd/copy.go", "uffd/ioctl.go", "uffd/register.go", "uffd/release.go", "uffd/waitqueue.go"},
		atMost: 100,
	},
}

//go:embed unreached.txt
var excused string

func main() {
	name := strings.Join(os.Args[1:], " ")
	r, ok := runs[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown argument %q: none for all tests, or \"properties\"\n", name)
		os.Exit(2)
	}
	if err := r.check(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// check runs the tests and compares the statements that they did not reach with the list.
func (r *run) check(name string) error {
	dir, err := os.MkdirTemp("", "coverage")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	profile := filepath.Join(dir, "profile")
	args := append([]string{"test", "-count=1", "-coverpkg=./mm,./mm/page,./mm/pgtable,./uffd,./uffd/abi", "-coverprofile=" + profile}, r.tests...)
	if out, err := exec.Command("go", append(args, r.args...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s%w", out, err)
	}
	blocks, err := readProfile(profile)
	if err != nil {
		return err
	}
	list, err := readExcuses(name)
	if err != nil {
		return err
	}
	return r.judge(blocks, list)
}

// judge prints the statements that no test reached. It fails if one of them is not in the
// list, or if the place of an excuse no longer exists. An excused place that is reached
// is no failure: the properties draw much at random.
func (r *run) judge(blocks []block, list []*excuse) error {
	all, reached, bad := 0, 0, 0
	for _, b := range blocks {
		if len(r.files) > 0 && !slices.Contains(r.files, b.file) {
			continue
		}
		all += b.statements
		i := slices.IndexFunc(list, func(e *excuse) bool { return e.file == b.file && strings.Contains(b.text, e.text) })
		if i >= 0 {
			list[i].used = true
		}
		if b.reached {
			reached += b.statements
			continue
		}
		if i >= 0 {
			list[i].needed = true
			continue
		}
		bad++
		fmt.Printf("%s:%d: not reached: %s\n", b.file, b.line, b.text)
	}
	for _, e := range list {
		if !e.used {
			bad++
			fmt.Printf("unreached.txt:%d: %s has no such place any longer: %s\n", e.line, e.file, e.text)
		} else if !e.needed {
			fmt.Printf("unreached.txt:%d: reached this time, in %s: %s\n", e.line, e.file, e.text)
		}
	}
	percent := 100 * float64(reached) / float64(all)
	fmt.Printf("%d of %d statements reached: %.1f %%; %d places are excused\n", reached, all, percent, len(list))
	if bad > 0 || 100-percent > r.atMost {
		return fmt.Errorf("the tests do not reach all statements that they must reach")
	}
	return nil
}
