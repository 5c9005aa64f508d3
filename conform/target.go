package conform

import (
	"os"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Doer is an implementation that runs statements one at a time: a [scenario.Session], or
// a program of a [Command].
type Doer interface {
	// Do runs a statement. The error is a mistake in the statement, or says why there is
	// no answer.
	Do(line string) (*scenario.Result, error)
	Close()
}

// placer is a Doer whose results and messages name the place of a statement in a
// scenario: a [scenario.Session].
type placer interface {
	DoAt(name string, n int, line string) (*scenario.Result, error)
}

// doAt runs a statement of a scenario on d. Results and messages name its place if d can.
func doAt(d Doer, file *syntax.File, stmt *syntax.Stmt) (*scenario.Result, error) {
	if p, ok := d.(placer); ok {
		return p.DoAt(file.Name, stmt.Pos.Line, stmt.Op)
	}
	return d.Do(stmt.Op)
}

// Target makes a Doer for each scenario.
type Target interface {
	New() (Doer, error)
	Close()
}

// Pair makes two implementations for a scenario: the model, and the one to compare.
type Pair func() (ours, theirs Doer, err error)

// empty returns a scenario without statements, which are added later.
func empty() *syntax.File {
	file, err := syntax.Parse("conform", nil)
	if err != nil {
		panic(err) // no text, no mistakes
	}
	return file
}

// NewModel returns the model with the sysctls of this machine that matter, since a target
// runs here.
func NewModel(opts scenario.Options) (*scenario.Session, error) {
	if n, ok := hostSysctl("mmap_min_addr"); ok {
		opts.MmapMinAddr = n
	}
	return scenario.NewSession(empty(), opts)
}

// hostSysctl returns a setting vm.NAME of this machine, and whether it exists.
func hostSysctl(name string) (uint64, bool) {
	text, err := os.ReadFile("/proc/sys/vm/" + name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}

// Against returns the pair of the model and a target.
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
