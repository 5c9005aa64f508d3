package sim

import "fmt"

// assertUnique ends the run if another live structure has the label's identity. Two such
// structures would be one object to an explorer: steps on either seem to conflict, and
// exchanging their contents seems to change nothing.
func (c *Controlled) assertUnique(l *label) {
	if c.labelled == nil {
		c.labelled = map[uint64]*label{}
	}
	id := l.identity(&Permutation{})
	if other := c.labelled[id]; other != nil && !other.freed && other.base != l.base && c.labels.atOrBelow(other.base) == other {
		c.fail(fmt.Errorf("sim: two live structures have the label %q, %#x: a %v and a %v", l.name, l.n, other.typ, l.typ))
	}
	c.labelled[id] = l
}
