package sim

import "math/rand/v2"

// Random is the strategy that chooses uniformly among the enabled tasks, and
// among the values of a choice. The same seed
// produces the same run.
type Random struct{ rng *rand.Rand }

// NewRandom returns a random strategy with the given seed.
func NewRandom(seed uint64) *Random {
	return &Random{rand.New(rand.NewPCG(seed, 0x75666664))}
}

// Pick implements [Strategy].
func (r *Random) Pick(enabled []*Task, _ *Task) *Task {
	if len(enabled) == 1 {
		return enabled[0]
	}
	return enabled[r.rng.IntN(len(enabled))]
}

// Choose implements [Chooser].
func (r *Random) Choose(_ *Task, n int) int { return r.rng.IntN(n) }
