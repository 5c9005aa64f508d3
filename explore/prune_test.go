package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A state that is visited again is explored only from the tasks that slept at each
// earlier visit, and do not sleep now. Then no task sleeps that has been explored. The
// stored sleep set is that of the orbit's canonical representative.
func TestVisitedStateIsExploredAgain(t *testing.T) {
	id, turn := []int{0, 1, 2}, []int{1, 2, 0} // the image of each task
	type visit struct {
		perm               []int
		sleep              uint32
		todo, nowAsleep    uint32 // that are left
		explored, remember uint32 // unless the state is known; stored then
	}
	const all = 0b111
	for _, visits := range [][]visit{
		{{id, 0b001, all &^ 0b001, 0b001, all, 0b001}, {id, 0b110, 0b001, 0, all, 0}, {id, 0b110, 0, 0, all, 0}},
		{{id, 0b011, 0b100, 0b011, all, 0b011}, {id, 0b001, 0b010, 0b001, all, 0b001}, {id, 0, 0b001, 0, all, 0}},
		{{id, 0b001, 0b010, 0b001, 0b010, 0b001}, {turn, 0, 0b100, 0, all, 0}},
		{{turn, 0b001, 0b110, 0b001, 0b110, 0b010}, {id, 0b001, 0b010, 0, all, 0}},
		{{turn, 0b001, 0b110, 0b001, 0b110, 0b010}, {id, 0b011, 0, 0b010, all, 0b010}},
	} {
		w := &worker{search: &search{visited: newVisitedSet(0)}}
		for i, v := range visits {
			n := &node{sleep: v.sleep, todo: v.explored &^ v.sleep}
			n.enabled = all
			w.pruneVisited(n, 7, v.perm)
			require.Equal(t, v.todo, n.todo, "%v, visit %d", visits, i)
			require.Equal(t, v.nowAsleep, n.sleep, "%v, visit %d", visits, i)
			require.Equal(t, v.remember, n.storedSleep, "%v, visit %d", visits, i)
		}
	}
}
