package boundedqueue

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/sim"
)

// program has two producers, p1 and p2, and two consumers, c1 and c2. The queue has room
// for one item.
func program(newQueue func(room int) *Queue) *explore.Standalone {
	return &explore.Standalone{Name: "queue", Tasks: func(r *explore.Run) {
		q := newQueue(1)
		explore.Label(r, q, "queue", 0)
		for i := range 2 {
			r.Go(fmt.Sprint("p", i+1), func(t *sim.Task) string {
				q.Put(t, uint64(i+1))
				return ""
			})
			r.Go(fmt.Sprint("c", i+1), func(t *sim.Task) string {
				return fmt.Sprint(q.Take(t))
			})
		}
	}}
}

// In every interleaving each item arrives, once.
func TestQueue(t *testing.T) {
	r := explore.Check(t, program(New), explore.Options{})
	require.Equal(t, []string{"c1=1 c2=2", "c1=2 c2=1"}, slices.Sorted(maps.Keys(r.Outcomes)))
}

// With one condition for both sides a wake-up is lost: it reaches a consumer, which finds
// nothing, and the producer for which it was meant sleeps forever.
func Example() {
	wrong := program(newWithOneCondition)
	r, err := explore.Counterexample(wrong, explore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(r.Failure.Err)
	fmt.Println(r.Failure.Schedule)
	// Output:
	// lost wake-up: p2 is asleep forever (TASK_UNINTERRUPTIBLE)
	// c1*4 c2*4 p1*4 p2*4 c1*4 c2*4
}

// go test -v shows the run as a diagram.
func TestTheLostWakeUp(t *testing.T) {
	wrong := program(newWithOneCondition)
	schedule, err := explore.ParseSchedule("c1*4 c2*4 p1*4 p2*4 c1*4 c2*4")
	require.NoError(t, err)
	rows, failure, err := explore.Rows(wrong, explore.Options{}, schedule)
	require.NoError(t, err)
	require.ErrorContains(t, failure, "lost wake-up")
	var diagram strings.Builder
	explore.Diagram(&diagram, rows)
	t.Log("\n" + diagram.String())
}
