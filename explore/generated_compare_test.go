package explore

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// found is what a search of a program found.
type found struct {
	outcomes []string // of the runs; if one went wrong, of those in which every task ended
	fails    bool     // a run went wrong
	covered  bool
}

func (g generated) explore(t testing.TB, opts Options) found {
	var x found
	opts.TSO, opts.Faulters, opts.Workers = g.tso, max(g.symmetry, 1), 1
	opts.ignored = func(Schedule) bool { x.fails = true; return true }
	r, err := Search(g.setup(), opts)
	require.NoError(t, err, "%v", g)
	set := map[string]bool{}
	for o := range r.Outcomes {
		set[g.normal(o)] = true
	}
	if x.fails { // the other tasks were stopped on the way, which reads as if they slept
		maps.DeleteFunc(set, func(o string, _ bool) bool { return strings.Contains(o, "asleep") })
	}
	x.outcomes, x.covered = slices.Sorted(maps.Keys(set)), r.Covered
	return x
}

// normal returns the outcome with the results of tasks that are alike in ascending order.
func (g generated) normal(outcome string) string {
	if g.symmetry == 0 {
		return outcome
	}
	fields := strings.Fields(outcome)
	for i := range g.symmetry {
		fields[i] = strings.TrimPrefix(fields[i], faulterName(i)+"=")
	}
	slices.Sort(fields[:g.symmetry])
	return strings.Join(fields, " ")
}

// compare explores the program with reductions and without, and returns how the results
// differ, "" if they do not. ok is false if there are too many interleavings to run.
func (g generated) compare(t testing.TB, budget time.Duration) (difference string, ok bool) {
	plain := g.explore(t, Options{Plain: true, Budget: budget})
	if !plain.covered {
		return "", false
	}
	reduced := g.explore(t, Options{Budget: 20 * time.Second})
	switch {
	case !reduced.covered:
		return "the reduced search does not cover it", true
	case !slices.Equal(plain.outcomes, reduced.outcomes):
		return fmt.Sprintf("outcomes of every interleaving:\n  %v\nof the reduced search:\n  %v", plain.outcomes, reduced.outcomes), true
	case plain.fails != reduced.fails:
		return fmt.Sprintf("a run goes wrong in every interleaving: %v, in the reduced search: %v", plain.fails, reduced.fails), true
	}
	return "", true
}

// shrink leaves out words as long as the results differ.
func (g generated) shrink(t testing.TB) generated {
	for smaller := true; smaller; {
		smaller = false
		for i := range g.tasks {
			for at := range g.tasks[i] {
				less := g
				less.tasks = slices.Clone(g.tasks)
				less.tasks[i] = slices.Concat(g.tasks[i][:at], g.tasks[i][at+1:])
				if i < g.symmetry {
					for k := range g.symmetry {
						less.tasks[k] = less.tasks[i]
					}
				}
				if !less.balanced() {
					continue
				}
				if d, ok := less.compare(t, 2*time.Second); ok && d != "" {
					g, smaller = less, true
					break
				}
			}
		}
	}
	return g
}

// balanced reports whether each task releases exactly the locks that it takes.
func (g generated) balanced() bool {
	for _, words := range g.tasks {
		held := 0
		for _, w := range words {
			switch {
			case w == "release":
				held--
			case strings.HasPrefix(w, "spin"), strings.HasPrefix(w, "down"):
				held++
			}
			if held < 0 {
				return false
			}
		}
		if held != 0 {
			return false
		}
	}
	return true
}

// setting returns the number in a variable of the environment, or the given one.
func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// The reductions lose no outcome, make none up, and find a run that goes wrong if there
// is one. GENERATED is the number of programs, and GENERATED_FROM that of the first.
func TestReductionsOnGeneratedPrograms(t *testing.T) {
	programs := setting("GENERATED", 150)
	if testing.Short() {
		programs = setting("GENERATED", 20)
	}
	from, compared, large := setting("GENERATED_FROM", 0), 0, 0
	for seed := from; seed < from+programs; seed++ {
		rng := rand.New(rand.NewPCG(uint64(seed), 0x67656e))
		g := generate(rng, 2+rng.IntN(2), 2+rng.IntN(3))
		d, ok := g.compare(t, time.Second/2)
		if !ok {
			large++
			continue
		}
		compared++
		if d != "" {
			small := g.shrink(t)
			d, _ = small.compare(t, 10*time.Second)
			t.Fatalf("program %d\n%v%s", seed, small, d)
		}
	}
	t.Logf("%d programs compared, %d with too many interleavings", compared, large)
	require.Greater(t, compared, programs/2)
}
