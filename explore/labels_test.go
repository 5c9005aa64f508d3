package explore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// No two live structures of a program have one label. Otherwise the search would take
// them for one object.
func TestLabelsAreUnique(t *testing.T) {
	for _, version := range []string{"2015+copy", "4.3", "4.14", "6.18"} {
		for _, setup := range append(Setups(), forked...) {
			t.Run(fmt.Sprint(setup.Name, " ", version), func(t *testing.T) {
				t.Parallel()
				uniqueLabels(t, setup, Options{Faulters: max(setup.Faulters, 2), Version: version})
			})
		}
	}
	for _, info := range uffd.Rules() {
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			opts := Without(info.Rule)
			require.Equal(t, rule.Of(info.Rule), opts.Dropped)
			opts.Faulters = SetupFor(info.Rule).Faulters
			uniqueLabels(t, SetupFor(info.Rule), opts)
		})
	}
}

// uniqueLabels runs the setup at random and checks each label that a structure gets.
func uniqueLabels(t *testing.T, setup *Setup, opts Options) {
	opts.checkLabels = true
	rng := rand.New(rand.NewPCG(1, 1))
	factory := newFactory()
	defer factory.close()
	for range 10 {
		var pct *pct
		world, err := factory.newWorld(pickFunc(func(enabled []*sim.Task, _ *sim.Task) *sim.Task {
			if pct == nil {
				return enabled[0]
			}
			return pct.pick(enabled)
		}), setup, &opts)
		require.NoError(t, err)
		pct = newPCT(rng, 1+rng.IntN(12), 150)
		setup.Tasks(world)
		if err := world.exec.Settle(); err != nil {
			require.NotContains(t, err.Error(), "label")
		}
		world.discard()
	}
}
