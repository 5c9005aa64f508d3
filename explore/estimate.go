package explore

import (
	"math"
	"math/rand/v2"

	"github.com/uffdsim/uffdsim/sim"
)

// Interleavings estimates the number of interleavings of the program, and returns its
// decimal logarithm. The estimate is the mean, over a number of random runs, of the
// product of the numbers of branches at each step (D. E. Knuth, "Estimating the
// efficiency of backtrack programs", Mathematics of Computation 29, 1975). It is
// unbiased; the logarithm is close after few runs. The same seed gives the same estimate.
func Interleavings(program Program, opts Options, runs int, seed uint64) (power float64, err error) {
	program.complete(&opts)
	factory := newFactory()
	defer factory.close()
	e := &estimator{rng: rand.New(rand.NewPCG(seed, 0x636f756e74))}
	sum := math.Inf(-1)
	for range runs {
		e.run, e.logBranches = nil, 0
		r, err := program.newRun(factory, e, &opts)
		if err != nil {
			return 0, err
		}
		r.host.start()
		e.run = r
		_ = r.exec.Settle() // a run that fails is an interleaving, too
		r.discard()
		sum = logAdd(sum, e.logBranches)
	}
	return (sum - math.Log(float64(runs))) / math.Ln10, nil
}

// logAdd returns the logarithm of the sum of two numbers that are given as logarithms.
func logAdd(a, b float64) float64 {
	hi, lo := max(a, b), min(a, b)
	return hi + math.Log1p(math.Exp(lo-hi))
}

// estimator is a strategy that picks at random and multiplies the numbers of choices.
type estimator struct {
	rng         *rand.Rand
	run         *Run    // nil during the setup of the machine
	logBranches float64 // logarithm of the product
}

// multiply multiplies the product by a number of branches.
func (e *estimator) multiply(branches int) { e.logBranches += math.Log(float64(branches)) }

// Pick implements [sim.Strategy].
func (e *estimator) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if e.run == nil {
		return enabled[0]
	}
	e.multiply(len(enabled))
	t := enabled[e.rng.IntN(len(enabled))]
	e.run.host.observe(t)
	return t
}
