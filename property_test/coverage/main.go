// Coverage runs the tests, and says which code of mm and uffd they do not reach. What they need not
// reach is in unreached.txt, with the reason; anything else fails.
//
//	go run ./property_test/coverage              # all tests, all of mm and uffd; from the root of the module
//	go run ./property_test/coverage properties   # the properties alone, where faults and registrations are handled
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

// run is which tests have to reach what.
type run struct {
	tests  []string // packages
	args   []string
	files  []string // none is all
	atMost float64  // percent that may not be reached, with or without a reason
}

var runs = map[string]run{
	"": {
		tests:  []string{"./sim", "./mm/...", "./uffd/...", "./machine", "./scenario", "./lessons", "./conform", "./property_test", "./explore"},
		atMost: 5,
	},
	// The error paths of register, unregister, wake, COPY and ZEROPAGE, all decisions about merges, and every
	// way into and out of the queues.
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
		fmt.Fprintf(os.Stderr, "no tests %q: there are all, with no argument, and \"properties\"\n", name)
		os.Exit(2)
	}
	if err := r.check(name); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// check runs the tests, and holds what they did not reach against the list.
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

// judge prints the statements that no test reached, and fails if one has no excuse, or an excuse is for
// what is not there any more. That one is reached after all is no failure: much here is drawn by chance.
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
			continue
		}
		bad++
		fmt.Printf("%s:%d: not reached: %s\n", b.file, b.line, b.text)
	}
	for _, e := range list {
		if !e.used {
			bad++
			fmt.Printf("unreached.txt:%d: %s has no such place: %s\n", e.line, e.file, e.text)
		}
	}
	percent := 100 * float64(reached) / float64(all)
	fmt.Printf("%d of %d statements reached: %.1f %%; %d places that need not be\n", reached, all, percent, len(list))
	if bad > 0 || 100-percent > r.atMost {
		return fmt.Errorf("the tests do not reach what they have to")
	}
	return nil
}
