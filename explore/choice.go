package explore

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// A task's choice ([sim.Task.Choose]) is a transition with several successors, one for
// each value. The search explores them as one transition: the task is in the set of
// explored tasks, and so in sleep sets, once all values are. No step of another task
// depends on a choice.

// taskChoice is the task's choice that leads from a node to the next, if its step is one.
type taskChoice struct {
	value  int
	n      int  // the number of values; 0 if the step is no choice, or was not taken yet
	closed bool // the other values are explored by another worker

	// doneBefore are the tasks explored before this one. By the time of the next value
	// node.done may also have tasks that were left to other workers, which rely on this
	// one. If this one relied on them as well, both would skip the same runs.
	doneBefore uint32
}

// nextValue advances to the next value. It returns false if there is none.
func (c *taskChoice) nextValue() bool {
	if c.closed || c.value+1 >= c.n {
		return false
	}
	c.value++
	return true
}

// branchWeight returns the estimated part of the search tree below the node's chosen
// branch.
func (n *node) branchWeight() float64 { return n.weight / float64(max(n.choice.n, 1)) }

// hasChoice reports whether a task of the set is at a choice.
func (n *node) hasChoice(set uint32) bool {
	for ; set != 0; set &= set - 1 {
		if n.steps[bits.TrailingZeros32(set)].op == sim.OpChoose {
			return true
		}
	}
	return false
}

// Choose implements [sim.Chooser].
func (w *worker) Choose(t *sim.Task, n int) int {
	value := 0
	switch {
	case w.firstID < 0: // the setup of the machine
		return 0
	default:
		c := &w.path[w.depth-1].choice
		if c.n != 0 && c.n != n {
			panic(fmt.Sprintf("explore: the program is not deterministic: %s chooses from %d numbers at step %d, and before from %d", t.Name(), n, w.depth, c.n))
		}
		c.n, value = n, c.value
	}
	w.schedule.choose(value)
	return value
}

// Choose implements [sim.Chooser].
func (p *sampler) Choose(_ *sim.Task, n int) int {
	if p.run == nil {
		return 0
	}
	value := p.rng.IntN(n)
	p.schedule.choose(value)
	return value
}

// Choose implements [sim.Chooser].
func (e *estimator) Choose(_ *sim.Task, n int) int {
	if e.run == nil {
		return 0
	}
	e.multiply(n)
	return e.rng.IntN(n)
}

// Choose implements [sim.Chooser]. Where the schedule has no value, or one that is too
// great, the value is 0.
func (r *replay) Choose(t *sim.Task, n int) int {
	if !r.ready {
		return 0
	}
	value := 0
	if r.followed {
		_, v, isChoice := cutChoice(r.schedule[r.at-1])
		switch {
		case !isChoice:
			r.misfit("step %d of it must say which number %s chooses, as in %s=%d", r.at, t.Name(), t.Name(), n-1)
		case v >= n:
			r.misfit("at step %d of it %s chooses a number below %d, not %d", r.at, t.Name(), n, v)
		default:
			value = v
		}
	}
	r.ran.choose(value)
	if r.onChoice != nil {
		r.onChoice(value, n)
	}
	return value
}

// choose adds the value of a choice to the schedule's last step.
func (s Schedule) choose(value int) {
	last := &s[len(s)-1]
	*last += "=" + strconv.Itoa(value)
}

// cutChoice returns the task of a step of a schedule, and the value if the step is a
// choice.
func cutChoice(step string) (task string, value int, isChoice bool) {
	task, text, isChoice := strings.Cut(step, "=")
	if isChoice {
		value, _ = strconv.Atoi(text)
	}
	return task, value, isChoice
}

// taskOf returns the task of a step of a schedule.
func taskOf(step string) string {
	task, _, _ := strings.Cut(step, "=")
	return task
}

// choices returns the sum of the values that the schedule's tasks choose.
func (s Schedule) choices() (sum int) {
	for _, step := range s {
		_, v, _ := cutChoice(step)
		sum += v
	}
	return sum
}

// smallerChoices returns schedules that differ from s in that one choice has a smaller
// value.
func (s Schedule) smallerChoices() (smaller []Schedule) {
	for i, step := range s {
		task, v, _ := cutChoice(step)
		for _, less := range slices.Compact([]int{0, v / 2, v - 1}) {
			if less >= 0 && less < v {
				candidate := slices.Clone(s)
				candidate[i] = fmt.Sprintf("%s=%d", task, less)
				smaller = append(smaller, candidate)
			}
		}
	}
	return smaller
}
