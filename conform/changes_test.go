package conform

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// superseded are changes that a later one replaces: the profile of the running kernel is
// the same without them.
var superseded = map[string]string{
	"handshake-gates-ioctls":       "handshake-compare-exchange",
	"user-faults-yield-to-signals": "faults-are-interruptible",
	"madvise-populates":            "populate-stops-at-hole",
}

// unseen are changes of the running kernel that their scenario alone does not show, with
// the reason.
var unseen = map[string]string{
	"context-first":            "it takes a full descriptor table",
	"mremap-needs-mapping":     "mremap-checks-first covers more",
	"faults-are-interruptible": "the scenario does not settle: the thread spins until its page comes",
}

// The running kernel has every change that the history marks as tested live: without the
// change the model answers the change's scenario differently.
func TestChangesAreThoseOfThisKernel(t *testing.T) {
	target := thisKernel(t)
	changes := kernel.Changes()
	tested := 0
	for n := range changes {
		c := &changes[n]
		if c.Live == "" || superseded[c.Name] != "" || unseen[c.Name] != "" {
			continue
		}
		tested++
		t.Run(c.Name, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join("..", c.Scenario))
			require.NoError(t, err)
			file, err := syntax.Parse(c.Scenario, text)
			require.NoError(t, err)
			with, err := Run(Against(target, scenario.Options{Kernel: proved}), file)
			require.NoError(t, err)
			require.NoError(t, with.Ended)
			if with.Diverge != nil {
				t.Fatalf("the kernel does not answer as its profile does:\n%v", with.Diverge)
			}
			p := without(changes, n)
			profile, _ := kernel.Lookup(proved)
			require.NotEqual(t, profile, p, "a later change replaces it")
			o, err := Run(Against(target, scenario.Options{Profile: &p}), file)
			require.NoError(t, err)
			require.NotNil(t, o.Diverge, "nothing is answered differently without it")
		})
	}
	require.GreaterOrEqual(t, tested, 30)
}

// proved is the profile of the running kernel.
var proved = kernel.Running[:strings.LastIndex(kernel.Running, ".")]

// without returns the profile of the running kernel without the n-th change.
func without(changes []kernel.Change, n int) kernel.Profile {
	p, _ := kernel.Lookup("2015")
	for i := range changes {
		if i != n && changes[i].In(kernel.Running) {
			changes[i].Apply(&p)
		}
	}
	p.Name = proved
	return p
}
