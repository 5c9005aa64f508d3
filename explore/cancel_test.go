package explore_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
)

// Each strategy stops when its context is cancelled, and returns what it has found so
// far.
func TestEverySearchCanBeCancelled(t *testing.T) {
	for name, search := range map[string]func(explore.Program, explore.Options) (*explore.Result, error){
		"dpor": explore.Search,
		"plain": func(p explore.Program, o explore.Options) (*explore.Result, error) {
			o.Plain = true
			return explore.Search(p, o)
		},
		"bounded": explore.Counterexample,
		"random": func(p explore.Program, o explore.Options) (*explore.Result, error) {
			return explore.Sample(p, o, 1, 0)
		},
		"pct": func(p explore.Program, o explore.Options) (*explore.Result, error) {
			return explore.Sample(p, o, 1, 3)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := search(explore.FindSetup("race"), explore.Options{
				Context:  ctx,
				Progress: func(explore.Stats) { cancel() },
			})
			require.NoError(t, err)
			require.False(t, r.Covered)
			require.Nil(t, r.Failure)
			require.NotZero(t, r.Runs)
		})
	}
}
