package explore

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// owned is a node that a task of ring owns.
type owned struct{ lock sim.SpinLock }

// ring has tasks in two groups, each with a word in an array and a node. They write their
// own objects and add to a sum. The node of the last task is stored in a word.
func ring(first, second int, declared bool) *Standalone {
	return &Standalone{Name: "ring", Tasks: func(r *Run) {
		s := &struct {
			words     [8]sim.Word
			last, sum sim.Word
		}{}
		Label(r, s, "s", 0)
		var members []Member
		for i := range first + second {
			node := &owned{}
			node.lock.Init(&sim.LockClass{Name: "node.lock"})
			Label(r, node, "node", uint64(i))
			m := Member{Owns: []any{&s.words[i], node}}
			m.Task = r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string {
				node.lock.Lock(t)
				s.words[i].Store(t, uint64(1+t.Choose(1+i/first))) // groups differ
				node.lock.Unlock(t)
				s.last.StoreHandle(t, uint64(i+1), func(sum *sim.Summary) { sum.AddObject(node) })
				seen := s.sum.Load(t)
				s.sum.Store(t, seen+s.words[i].Load(t))
				return fmt.Sprint(seen)
			})
			members = append(members, m)
		}
		if declared {
			r.Interchangeable(members[:first]...)
			r.Interchangeable(members[first:]...)
		}
	}}
}

// sortedGroups sorts, in each outcome, those of the first tasks, and those of the others.
func sortedGroups(outcomes map[string]int, first int) []string {
	sorted := map[string]bool{}
	for outcome := range outcomes {
		var results []string
		for _, part := range strings.Split(outcome, " t") {
			_, result, _ := strings.Cut(part, "=")
			results = append(results, result)
		}
		slices.Sort(results[:first])
		slices.Sort(results[first:])
		sorted[fmt.Sprint(results)] = true
	}
	return slices.Sorted(maps.Keys(sorted))
}

// With interchangeable tasks the search has the same outcomes, up to a permutation of
// each group, and visits fewer states.
func TestInterchangeableTasks(t *testing.T) {
	for _, groups := range [][2]int{{2, 1}, {3, 0}, {2, 2}} {
		all, err := Search(ring(groups[0], groups[1], false), Options{})
		require.NoError(t, err)
		require.True(t, all.Covered)
		some, err := Search(ring(groups[0], groups[1], true), Options{})
		require.NoError(t, err)
		require.True(t, some.Covered)
		require.Equal(t, sortedGroups(all.Outcomes, groups[0]), sortedGroups(some.Outcomes, groups[0]))
		require.Less(t, some.States, all.States*2/3, "%v", groups)
	}
	tso, err := Search(ring(2, 1, true), Options{TSO: true})
	require.NoError(t, err)
	require.True(t, tso.Covered)
}

// A program that is not symmetric is refused, with the runs that differ.
func TestTasksThatAreNotInterchangeable(t *testing.T) {
	for name, program := range map[string]func(t *sim.Task, i int, words *[3]sim.Word){
		"different steps": func(t *sim.Task, i int, words *[3]sim.Word) {
			for range i + 1 {
				words[i].Store(t, 1)
			}
		},
		"different values": func(t *sim.Task, i int, words *[3]sim.Word) { words[i].Store(t, uint64(i)) },
		"names in a word":  func(t *sim.Task, i int, words *[3]sim.Word) { words[2].Store(t, uint64(i+1)) },
		"no owner":         func(t *sim.Task, i int, words *[3]sim.Word) { words[1+i].Store(t, 1) },
	} {
		_, err := Search(&Standalone{Name: "no", Tasks: func(r *Run) {
			words := &[3]sim.Word{}
			Label(r, words, "words", 0)
			var members []Member
			for i := range 2 {
				task := r.Go(fmt.Sprint("t", i), func(t *sim.Task) string { program(t, i, words); return "" })
				members = append(members, Member{task, []any{&words[i]}})
			}
			r.Interchangeable(members...)
		}}, Options{})
		require.ErrorContains(t, err, "no: the tasks are not interchangeable: ", name)
	}
}

// A declaration that makes no sense panics with a message that says why.
func TestInterchangeableRefuses(t *testing.T) {
	r := newFactory().newRun(sim.NewRandom(0), &Options{}, nil)
	var s struct {
		a, b sim.Word
		l    sim.SpinLock
	}
	var other struct{ a, b sim.Word }
	Label(r, &s, "s", 0)
	Label(r, &other, "other", 1)
	t1, t2 := r.addTask("t1"), r.addTask("t2")
	for message, owns := range map[string][2][]any{
		"t1 owns 1 things, and t2 0":                               {{&s.a}, {}},
		"t1 owns a *sim.Word, and t2 a *sim.SpinLock":              {{&s.a}, {&s.l}},
		"a task owns a *sim.Word without a label":                  {{new(sim.Word)}, {new(sim.Word)}},
		"a task owns int(3), which is no pointer":                  {{3}, {4}},
		"tasks own parts of different structures, s 0 and other 1": {{&s.a}, {&other.a}},
	} {
		r.groups = nil
		func() {
			defer func() { require.Contains(t, fmt.Sprint(recover()), message) }()
			r.Interchangeable(Member{t1, owns[0]}, Member{t2, owns[1]})
			r.symmetryGroup()
		}()
	}
}
