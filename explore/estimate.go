package explore

import (
	"math"
	"math/rand/v2"

	"github.com/uffdsim/uffdsim/sim"
)

// Interleavings estimates how many interleavings the setup has, as a power of ten. Each of
// the runs goes on at random, and stands for as many as there were ways to choose: the mean
// of that is right in the long run (Knuth, Estimating the efficiency of backtrack programs,
// 1975), and the power of ten soon. The same seed makes the same estimate.
func Interleavings(setup *Setup, opts Options, runs int, seed uint64) (power float64, err error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	rig := newFactory()
	defer rig.close()
	c := &estimator{rng: rand.New(rand.NewPCG(seed, 0x636f756e74))}
	sum := math.Inf(-1)
	for range runs {
		c.world, c.logBranches = nil, 0
		w, err := rig.newWorld(c, setup, &opts)
		if err != nil {
			return 0, err
		}
		setup.Tasks(w)
		c.world = w
		_ = w.exec.Settle() // what goes wrong is an interleaving, too
		w.discard()
		sum = logAdd(sum, c.logBranches)
	}
	return (sum - math.Log(float64(runs))) / math.Ln10, nil
}

// logAdd adds two numbers, given as logarithms and returned so.
func logAdd(a, b float64) float64 {
	hi, lo := max(a, b), min(a, b)
	return hi + math.Log1p(math.Exp(lo-hi))
}

// counter is the strategy that picks by chance and counts the ways to choose.
type estimator struct {
	rng         *rand.Rand
	world       *World  // nil while the machine is made ready
	logBranches float64 // the logarithm of how many there were
}

// Pick implements [sim.Strategy].
func (c *estimator) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if c.world == nil {
		return enabled[0]
	}
	c.logBranches += math.Log(float64(len(enabled)))
	t := enabled[c.rng.IntN(len(enabled))]
	c.world.observe(t)
	return t
}
