package sim

import (
	"fmt"
	"math/rand/v2"
)

// Chooser is a [Strategy] that also chooses the values of [Task.Choose].
type Chooser interface {
	Strategy
	// Choose returns the value of the task's choice, from 0 to n-1. The executor calls it
	// right after Pick has chosen the task, whose step the choice is.
	Choose(t *Task, n int) int
}

// Choose returns any number from 0 to n-1. It stands for a decision that the program
// leaves open: an input, or an event of the environment, such as a timeout or a lost
// message. On a controlled executor it is a visible step, and the strategy, a [Chooser],
// chooses the number; an explorer tries them all. On the free executor the number is
// random. With n = 1 there is nothing to choose, and no step. n must be at least 1.
func (t *Task) Choose(n int) int {
	if n < 1 {
		panic(fmt.Sprintf("sim: Choose(%d) has no number to choose from", n))
	}
	value := 0
	switch {
	case n == 1:
	case t.ctl != nil:
		value = t.ctl.choose(t, n)
	default:
		value = rand.IntN(n)
	}
	if t.trace != nil {
		t.Emit(Event{Kind: OpChoose.String(), Args: []Arg{{"of", n}, {"value", value}}})
	}
	return value
}

// choose takes the step of a choice. No step of another task depends on it.
func (c *Controlled) choose(t *Task, n int) int {
	s := Step{Op: OpChoose}
	c.step(t, s)
	chooser, ok := c.strategy.(Chooser)
	if !ok {
		t.abort(fmt.Errorf("sim: task %s makes a choice, but the strategy %T is no Chooser", t.name, c.strategy))
	}
	value := chooser.Choose(t, n)
	if value < 0 || value >= n {
		t.abort(fmt.Errorf("sim: the strategy %T chose %d from %d numbers", c.strategy, value, n))
	}
	c.recordStep(t, s, uint64(n)<<32|uint64(value))
	return value
}
