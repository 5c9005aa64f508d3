package explore

// A stubborn set postpones the steps of the tasks outside it. If the tasks inside loop,
// the search could postpone the others forever: it stops at the visited state that closes
// the cycle. The cycle proviso prevents that. A point is sticky if an edge from it closes
// a cycle of the control-flow graph, and a stubborn set that is smaller than the set of
// enabled tasks has no enabled task at a sticky point. A cycle of states makes each task
// that moves take a cycle of its own, so all enabled tasks are explored in one of its
// states. (R. Kurshan, V. Levin, M. Minea, D. Peled, H. Yenigün, "Static partial order
// reduction", TACAS 1998, compute the sticky transitions before the search. Here the
// graph grows, and that a point is not sticky is an assumption like those about effects.)
//
// Sleep sets need no proviso of their own. Suppose that the sleep set has the whole
// stubborn set of a state, which is not sticky. Then the search has explored a task of it
// from an earlier state of the path, and the steps to a failure can follow that task's
// step, too. That run ends with this task further along its edges that are not sticky,
// and those have no cycle. So this cannot go on forever.
//
// A search that executes each path explores all enabled tasks in each state, minus the
// sleep set, so it needs no proviso.

// raise raises the levels of a point and of its successors, so that the level rises along
// every edge. It returns false if that leads back to the source: there is a cycle.
func (p *point) raise(level int, source *point) (acyclic bool) {
	if p == source {
		return false
	}
	if p.level >= level {
		return true
	}
	p.level = level
	for _, e := range p.edges {
		if !e.to.raise(level+1, source) {
			return false
		}
	}
	return true
}

// markSticky marks the points that have become sticky, and passes them to changed. Within
// an abstraction of the history the number of steps rises from point to point. So every
// cycle has an edge along which it drops, or one along which it stays the same. Those of
// the first kind suffice for most cycles. Which points these are does not depend on the
// order in which runs showed the edges, so every shard has them.
func (g *flowGraph) markSticky(changed func(*point)) {
	mark := func(p *point) {
		if !p.effects.sticky {
			p.effects.sticky = true
			changed(p)
		}
	}
	drops := make([]bool, len(g.points))
	g.cycles(nil, func(p *point, e edge) {
		if e.to.steps < p.steps {
			drops[p.index] = true
			mark(p)
		}
	})
	g.cycles(drops, func(p *point, _ edge) { mark(p) })
}

// cycles calls use for each edge that is on a cycle through points that are not in the
// set without: those within a strongly connected component (R. Tarjan, "Depth-first
// search and linear graph algorithms", 1972).
func (g *flowGraph) cycles(without []bool, use func(*point, edge)) {
	var stack []*point
	next, order, low := 0, make([]int, len(g.points)), make([]int, len(g.points))
	finished := len(g.points) + 1 // more than any number in order
	var visit func(p *point)
	visit = func(p *point) {
		next++
		at, i := len(stack), p.index
		order[i], low[i] = next, next
		stack = append(stack, p)
		for _, e := range p.edges {
			if without != nil && without[e.to.index] {
				continue
			}
			if order[e.to.index] == 0 {
				visit(e.to)
			}
			low[i] = min(low[i], low[e.to.index])
		}
		if low[i] != order[i] {
			return
		}
		for _, q := range stack[at:] {
			low[q.index] = -i - 1
		}
		for _, q := range stack[at:] {
			for _, e := range q.edges {
				if low[e.to.index] == -i-1 {
					use(q, e)
				}
			}
		}
		for _, q := range stack[at:] {
			low[q.index] = finished
		}
		stack = stack[:at]
	}
	for _, p := range g.points {
		if order[p.index] == 0 && (without == nil || !without[p.index]) {
			visit(p)
		}
	}
}

// noteCycle records the path if its last state, which has the hash, is an earlier one of
// it. It does so until a run has reached an end.
func (w *worker) noteCycle(hash uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.result.Outcomes) > 0 || w.intoCycle != nil && len(w.intoCycle) <= w.depth {
		return
	}
	for i := range w.path[:w.depth] {
		if w.path[i].hash == hash {
			w.intoCycle = w.scheduleOf()[:w.depth]
		}
	}
}
