package explore

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// toys are programs in the words of generated ones. Each is the smallest that shows a
// mistake which another program might hide.
var toys = []struct {
	options string // as in [toy]
	tasks   string // separated by bars
	about   string
}{
	{"forgets", "spin0 writespin0 release load1 | spin0 writespin0 release | store1",
		"two tasks with equal histories write different values under a lock"},
	{"forgets", "poke0 load1 | poke0 load1 | store1 touch0",
		"two tasks with equal histories write different bytes"},
	{"tso", "spin0 writespin0 release | spin0 writespin0 release spin0 writespin0 release | spin0 writespin0 release",
		"a lock's content is what its holder left, not what the holder did until the buffer was empty"},
	{"tso guards forgets", "fetch0 spin0 copyspin0 release forget load1 | store0",
		"a release in a store buffer has the content that the holder has left"},
	{"alike=2", "cas0 load1 load1", "a failed cmpxchg finds the value that it would have stored"},
}

// toy parses a program. The options are words: "tso", "guards" (locks say what they
// guard), "forgets" (tasks replace their history by their live state), "forgets-since"
// (the same, since a bookmark), "refs=N", "alike=N" (the first task is one of N
// that are alike).
func toy(t *testing.T, options, tasks string) generated {
	g := generated{refs: 1}
	for _, o := range strings.Fields(options) {
		key, value, _ := strings.Cut(o, "=")
		n, _ := strconv.Atoi(value)
		switch key {
		case "tso":
			g.tso = true
		case "guards":
			g.guards = true
		case "forgets":
			g.abstract = replaceAll
		case "forgets-since":
			g.abstract = replaceSinceTop
		case "refs":
			g.refs = uint64(n)
		case "alike":
			g.symmetry = n
		default:
			t.Fatalf("option %q", o)
		}
	}
	for task := range strings.SplitSeq(tasks, "|") {
		g.tasks = append(g.tasks, strings.Fields(task))
	}
	for range g.symmetry - 1 {
		g.tasks = slices.Insert(g.tasks, 0, g.tasks[0])
	}
	require.True(t, g.valid(), "%v", g)
	return g
}

// The reductions keep every outcome of the toys, fingerprints determine what follows, and
// permuted runs reach permuted states.
func TestReductionsOnToyTable(t *testing.T) {
	for _, tc := range toys {
		t.Run(tc.about, func(t *testing.T) {
			g := toy(t, tc.options, tc.tasks)
			d, ok := g.compare(t, 50_000)
			require.True(t, ok, "too many interleavings")
			require.Empty(t, d, "%v", g)
			g.followAndPermute(t, 400, 1)
		})
	}
}
