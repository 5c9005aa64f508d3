package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// found is what a search of a program found.
type found struct {
	outcomes []string // of the runs that did not go wrong
	fails    bool     // a run went wrong
	err      error    // of the search
	covered  bool
	runs     int
}

// explore returns what the reduced search finds.
func (g generated) explore() (x found) {
	opts := Options{TSO: g.tso, Workers: 1, ignored: func(Schedule) bool { return true }}
	r, err := Search(g.program(), opts)
	if err != nil {
		x.err = err
		return x
	}
	for _, o := range slices.Sorted(maps.Keys(r.Outcomes)) {
		if o, right := strings.CutPrefix(o, "all="); right {
			x.outcomes = append(x.outcomes, o)
		} else {
			x.fails = true
		}
	}
	x.covered, x.runs = r.Covered, r.Runs
	return x
}

// compare explores the program with reductions and without, and returns how the results
// differ, "" if they do not. ok is false if there are more interleavings than the limit.
func (g generated) compare(limit int) (difference string, ok bool) {
	all := g.everyRun(limit)
	if !all.covered {
		return "", false
	}
	reduced := g.explore()
	switch {
	case reduced.err != nil:
		return reduced.err.Error(), true
	case !reduced.covered:
		return "the reduced search does not cover it", true
	case !slices.Equal(all.outcomes, reduced.outcomes):
		return fmt.Sprintf("outcomes of every interleaving:\n  %v\nof the reduced search:\n  %v",
			strings.Join(all.outcomes, "\n  "), strings.Join(reduced.outcomes, "\n  ")), true
	case all.fails != reduced.fails:
		return fmt.Sprintf("a run goes wrong in every interleaving: %v, in the reduced search: %v", all.fails, reduced.fails), true
	}
	return "", true
}

// shrink leaves out words as long as the results differ.
func (g generated) shrink(limit int) generated {
	for smaller := true; smaller; {
		smaller = false
		for i := range g.tasks {
			for at := range g.tasks[i] {
				if less, ok := g.without(i, at); ok {
					if d, ok := less.compare(limit); ok && d != "" {
						g, smaller = less, true
						break
					}
				}
			}
		}
	}
	return g
}

// without returns the program without a word of task i and of the tasks like it. Of a
// lock it leaves out the release, too. ok is false if the rest is no program.
func (g generated) without(i, at int) (less generated, ok bool) {
	less = g
	less.tasks = slices.Clone(g.tasks)
	words := slices.Concat(g.tasks[i][:at], g.tasks[i][at+1:])
	less.tasks[i] = words
	for end := at; !less.valid() && end < len(words); end++ {
		less.tasks[i] = slices.Concat(words[:end], words[end+1:])
	}
	if i < g.symmetry {
		for k := range g.symmetry {
			less.tasks[k] = less.tasks[i]
		}
	}
	return less, less.valid()
}

// setting returns the number in a variable of the environment, or the given one.
func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// generatedPrograms calls use for each of n generated programs. GENERATED is their number
// instead of n, and GENERATED_FROM that of the first.
func generatedPrograms(n int, use func(seed int, g generated)) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // runs are short and allocate much
	from := setting("GENERATED_FROM", 0)
	for seed := from; seed < from+setting("GENERATED", n); seed++ {
		rng := rand.New(rand.NewPCG(uint64(seed), 0x67656e))
		use(seed, generate(rng))
	}
}

// The reductions lose no outcome, make none up, and find a run that goes wrong if there
// is one. GENERATED_RUNS is the number of interleavings up to which a program is
// compared.
func TestReductionsOnGeneratedPrograms(t *testing.T) {
	compared, large, limit := 0, 0, setting("GENERATED_RUNS", 3_000)
	generatedPrograms(200, func(seed int, g generated) {
		d, ok := g.compare(limit)
		if !ok {
			large++
			return
		}
		compared++
		if d != "" {
			small := g.shrink(limit)
			d, _ = small.compare(limit)
			t.Errorf("program %d\n%v%s", seed, small, d)
		}
	})
	t.Logf("%d programs compared, %d with too many interleavings", compared, large)
	require.Greater(t, compared, large)
}

// In generated programs, too, a fingerprint determines what follows, and permuted runs
// reach permuted states.
func TestStatesOfGeneratedProgramsDetermineWhatFollows(t *testing.T) {
	met := 0
	generatedPrograms(200, func(seed int, g generated) {
		met += g.followAndPermute(t, 30, uint64(seed))
	})
	require.NotZero(t, met)
}

// followAndPermute runs the program at random, and returns how often a run reached a
// known state.
func (g generated) followAndPermute(t *testing.T, runs int, seed uint64) int {
	defer func() {
		if t.Failed() {
			t.Logf("program %d\n%v", seed, g)
		}
	}()
	if g.symmetry > 0 {
		requirePermutedStates(t, g.program(), g.symmetry, seed)
	}
	return revisits(t, g.program(), Options{TSO: g.tso}, runs)
}
