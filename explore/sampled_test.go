package explore

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// The search finds every outcome and every failure that random runs find, which use
// neither fingerprints nor reductions.
func TestSearchFindsWhatRandomRunsFind(t *testing.T) {
	for _, version := range []string{DefaultVersion, "4.3", "4.11", "4.14", "5.7", "6.18"} {
		for _, setup := range setups {
			if setup.Faulters > 1 || setup.Name == "mixed" {
				continue // takes longer than all others together
			}
			t.Run(setup.Name+" "+version, func(t *testing.T) {
				t.Parallel()
				compare(t, setup, Options{Version: version})
			})
		}
	}
}

// The same without each of the rules.
func TestSearchFindsWhatRandomRunsFindWithoutARule(t *testing.T) {
	for _, info := range uffd.Rules() {
		for _, version := range []string{DefaultVersion, "4.14"} {
			for _, name := range []string{"copy", "close-only", SetupFor(info.Rule).Name} {
				t.Run(fmt.Sprint(info.Name, " ", name, " ", version), func(t *testing.T) {
					t.Parallel()
					setup := FindSetup(name)
					compare(t, setup, Options{Version: version, TSO: info.TSO, Dropped: rule.Of(info.Rule)})
				})
			}
		}
	}
}

// compare requires that a search finds everything that random runs find.
func compare(t *testing.T, setup *Setup, opts Options) {
	outcomes, failure := sampled(t, setup, opts)
	opts.Workers = 1
	r, err := Search(setup, opts)
	require.NoError(t, err)
	if r.Failure != nil {
		return // the search stopped there, and need not have found all outcomes
	}
	require.True(t, r.Covered)
	require.NoError(t, failure, "only a random run fails")
	for o := range outcomes {
		require.Contains(t, r.Outcomes, o)
	}
}

// sampled returns the outcomes, and a failure if any, of some random runs: half of them
// random walks, half of them PCT with few preemptions.
func sampled(t *testing.T, setup *Setup, opts Options) (outcomes map[string]bool, failure error) {
	const runs = 200
	opts.Faulters = cmp.Or(opts.Faulters, setup.Faulters)
	outcomes = map[string]bool{}
	p := &sampler{rng: rand.New(rand.NewPCG(5, 7)), longest: 100}
	factory := newFactory()
	defer factory.close()
	for i := range runs {
		p.depth = i % 2 * (1 + i%8)
		w, err := p.begin(factory, setup, &opts)
		require.NoError(t, err)
		w.host.start()
		wrong := w.exec.Settle()
		if wrong == nil {
			wrong = w.check()
		}
		if wrong == nil {
			outcomes[w.Outcome()] = true
		} else {
			failure = wrong
		}
		w.discard()
		p.longest = max(p.longest, len(p.schedule))
	}
	return outcomes, failure
}
