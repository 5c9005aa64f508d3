package conform

import (
	"os"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Doer is an implementation that statements are given to, one at a time: a
// [scenario.Session], or a [Command].
type Doer interface {
	// Do runs a statement. The error is a mistake in it, or says that there was no answer.
	Do(line string) (*scenario.Result, error)
	Close()
}

// Target makes a Doer for each scenario.
type Target interface {
	New() (Doer, error)
	Close()
}

// Pair makes two implementations for a scenario: the model, and what is held against it.
type Pair func() (ours, theirs Doer, err error)

// empty is a scenario without statements, to which they are added.
func empty() *syntax.File {
	file, err := syntax.Parse("conform", nil)
	if err != nil {
		panic(err) // it has no text to be wrong
	}
	return file
}

// NewModel is the model as the machine is set up on which the targets run: its sysctls are the
// host's, as far as they matter.
func NewModel(opts scenario.Options) (*scenario.Session, error) {
	if n, ok := hostSysctl("mmap_min_addr"); ok {
		opts.MmapMinAddr = n
	}
	return scenario.NewSession(empty(), opts)
}

// hostSysctl reads a setting of this machine's memory management, if it has it.
func hostSysctl(name string) (uint64, bool) {
	text, err := os.ReadFile("/proc/sys/vm/" + name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// Against holds the model against a target.
func Against(t Target, opts scenario.Options) Pair {
	return func() (Doer, Doer, error) {
		theirs, err := t.New()
		if err != nil {
			return nil, nil, err
		}
		ours, err := NewModel(opts)
		if err != nil {
			theirs.Close()
			return nil, nil, err
		}
		return ours, theirs, nil
	}
}
