package properties_test

import (
	"flag"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/property_test"
	"github.com/uffdsim/uffdsim/scenario"
	"pgregory.net/rapid"
)

// wrong is an implementation with a mistake: its UFFDIO_WAKE includes the page behind the
// range.
type wrong struct{ conform.Doer }

var pages = regexp.MustCompile(`len=(\d+)p`)

func (w wrong) Do(line string) (*scenario.Result, error) {
	if strings.Contains(line, "UFFDIO_WAKE") {
		line = pages.ReplaceAllStringFunc(line, func(s string) string {
			n, _ := strconv.Atoi(s[len("len=") : len(s)-1])
			return fmt.Sprintf("len=%dp", n+1)
		})
	}
	return w.Doer.Do(line)
}

// set changes a flag, and returns a function that restores it.
func set(name, value string) func() {
	old := flag.Lookup(name).Value.String()
	_ = flag.Set(name, value)
	return func() { _ = flag.Set(name, old) }
}

// [properties.Check] checks the properties for an implementation of your own. Here it
// catches a wrong one, and prints the shortest scenario that shows the mistake.
func ExampleCheck() {
	implementation := &properties.Implementation{
		Kernel: "2015+copy",
		New: func(seed uint64) (conform.Doer, error) {
			model, err := conform.NewModel(scenario.Options{Kernel: "2015+copy", Seed: seed})
			return wrong{model}, err
		},
	}
	// A fixed seed, so that the output is always the same, and enough checks to find the
	// mistake under -short too, where rapid makes a fifth of them.
	defer set("rapid.seed", "1")()
	defer set("rapid.checks", "500")()
	defer set("rapid.nofailfile", "true")()
	all := properties.Properties()
	order := all[slices.IndexFunc(all, func(p properties.Property) bool { return p.Name == "FaultsWaitInOrder" })]
	var r recorder
	done := make(chan struct{})
	go func() { // a failed test exits its goroutine
		defer close(done)
		rapid.Check(&r, func(t *rapid.T) { order.Check(t, implementation) })
	}()
	<-done
	report := r.text.String()
	report = report[strings.Index(report, "the answer is"):]
	for line := range strings.Lines(report[:strings.Index(report, "To reproduce")]) {
		fmt.Println(strings.TrimSpace(line))
	}
	// Output:
	// the answer is "SIGBUS 0x103000", and not "blocked"
	//
	// #! kernel: 2015+copy
	// fd = userfaultfd(O_NONBLOCK)
	// ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
	// mmap(0x100000, 6p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
	// ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=6p, mode=MISSING})
	// fdinfo(fd)
	// queues(fd)
	// t1: load(0x103000)
	// fdinfo(fd)
	// queues(fd)
	// ioctl(fd, UFFDIO_WAKE, {start=0x101000, len=2p})
	// t1
}
