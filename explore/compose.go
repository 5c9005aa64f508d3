package explore

import "slices"

// The reduced search without store buffers does not run the program for each path. It
// composes the transitions that runs have shown: see package lts. The program runs only
// if a transition is not known yet, and once for each final state, to check it.

// composes reports whether the search composes transitions, and explores a stubborn set
// in each state. It executes each path instead, and explores all enabled tasks, if there
// are store buffers, or if the program makes choices, starts tasks or has invariants: the
// summaries of effects cover neither what a store buffer may still write, which depends
// on its task, nor tasks that tasks start, and an invariant that may read anything needs
// every state.
func (s *search) composes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.reduced() && !s.opts.TSO && !s.reexecutes
}

// reexecute makes the search begin again, and execute each path.
func (s *search) reexecute() {
	s.mu.Lock()
	s.reexecutes = true
	s.mu.Unlock()
	s.halt(restart)
}

// descentEnd is the reason why a descent ends.
type descentEnd int

const (
	pruned  descentEnd = iota // there is nothing to explore from the state
	final                     // no task is enabled
	unknown                   // the transition of the chosen task is not known
	endless                   // the path has the maximum length
)

// exploreComposed explores the subtree below the path, depth first.
func (w *worker) exploreComposed() {
	for {
		switch end := w.descend(); end {
		case pruned:
			w.endRun("", false)
		case final:
			outcome, more := w.checkFinal()
			if !more {
				return
			}
			w.endRun(outcome, true)
		default:
			r := w.learn(w.path)
			switch {
			case !r.more, r.wrong && w.invalidate(), r.edges && w.walkFrom(w.path) && w.invalidate():
				return
			case !r.failed:
				continue // the transition is known now
			}
			w.endRun(r.outcome, true)
		}
		w.stats.Runs++
		w.stats.Depth = max(w.stats.Depth, len(w.path))
		if !w.nextBranch() {
			return
		}
	}
}

// descend extends the path, by the first choice at each state, until it ends. The last
// state is not on the path unless it has something to explore.
func (w *worker) descend() descentEnd {
	w.graph.RLock()
	defer w.graph.RUnlock()
	if len(w.path) == 0 {
		if w.system == nil {
			return unknown
		}
		root := w.nextNode()
		root.state.Begin(w.system)
		root.current = -1
		w.locate(root, nil)
		if end, ended := w.open(root); ended {
			return end
		}
	}
	for {
		if len(w.path) == maxSteps {
			return endless
		}
		n := w.nextNode()
		parent := &w.path[len(w.path)-2]
		i := parent.chosen
		n.state.CopyFrom(&parent.state)
		n.watch, n.current = parent.watch, i
		if w.watched != 0 {
			n.watch.step(i, parent.steps[i], w.watched, func() uint64 { return n.state.Found(w.system, i) })
		}
		if !n.state.Step(w.system, i) {
			w.path = w.path[:len(w.path)-1]
			return unknown
		}
		w.stats.Steps++
		w.locate(n, parent)
		if end, ended := w.open(n); ended {
			return end
		}
	}
}

// open selects what to explore from the last node of the path. If that is nothing, it
// removes the node, and returns the reason.
func (w *worker) open(n *node) (end descentEnd, ended bool) {
	w.depth = len(w.path) - 1
	if n.enabled = n.state.Enabled(w.system); n.enabled != 0 {
		w.expandReduced(n)
	} else {
		w.atEnd, end = n, final
	}
	return end, !w.enter(n)
}

// hashesOf appends the hashes of a composed state, one for each permutation.
func (w *worker) hashesOf(n *node, to []uint64) []uint64 {
	to = n.state.Hashes(w.system, to)
	alive := uint32(0)
	for i, l := range n.state.Locals {
		if !l.Ended || l.Outcome == bus {
			alive |= 1 << i
		}
	}
	n.watch.addTo(to, alive, w.taskPerms)
	return to
}

// checkFinal returns the outcome of the final state that the descent has reached. If no
// run has reached an equal state before, it makes one, and checks it.
func (w *worker) checkFinal() (outcome string, more bool) {
	w.graph.RLock()
	w.hashes = w.hashesOf(w.atEnd, w.hashes[:0])
	hash := w.hashes[canonical(w.hashes)]
	w.graph.RUnlock()
	w.mu.Lock()
	outcome, known := w.finals[hash]
	w.mu.Unlock()
	if known {
		return outcome, true
	}
	r := w.learn(w.path)
	w.mu.Lock()
	w.finals[hash] = r.outcome
	w.mu.Unlock()
	return r.outcome, r.more
}

// scheduleOf returns the schedule of the path.
func (w *worker) scheduleOf() Schedule {
	if !w.composed {
		return slices.Clone(w.schedule)
	}
	schedule := make(Schedule, len(w.path))
	for i := range w.path {
		schedule[i] = w.names[w.path[i].chosen]
	}
	return schedule
}
