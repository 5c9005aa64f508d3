package explore

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// The reduced search without store buffers does not run the program for each path. It
// composes the transitions that runs have shown: see package lts. The program runs only
// if a transition is not known yet, and once for each final state, to check it.

// composes reports whether the search composes transitions. It executes each path instead
// if there are store buffers, or if the program makes choices, starts tasks or has
// invariants.
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
	n.weight = 1
	if w.depth > 0 {
		n.weight = w.path[w.depth-1].branchWeight()
	}
	if n.enabled = n.state.Enabled(w.system); n.enabled != 0 {
		w.expandReduced(n)
		if n.todo != 0 {
			n.divideWeight()
			n.choose()
			return 0, false
		}
	} else {
		w.atEnd = n
		end = final
	}
	w.path = w.path[:w.depth]
	return end, true
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

// bus is the outcome of a task that was killed by SIGBUS.
const bus = "SIGBUS"

// watch is what the check against spurious SIGBUS records about tasks, as sets.
type watch struct {
	announced uint32 // have set a sleeping state
	looked    uint32 // have then found the context not released
	safe      uint32 // had done both when the release began
}

// step updates the record before task i takes a step. released is the object that says
// whether the context is released, and value returns what is in it.
func (m *watch) step(i int, s step, released objectKey, value func() uint64) {
	switch {
	case s.op == sim.OpSetState:
		m.announced |= 1 << i
	case s.obj != released:
	case s.op == sim.OpStore:
		m.safe = m.looked
	case m.announced&(1<<i) != 0 && value() == 0:
		m.looked |= 1 << i
	}
}

// addTo adds the record to the hashes of a state. No check depends on a task that is not
// in the set alive.
func (m *watch) addTo(hashes []uint64, alive uint32, taskPerms [][]int) {
	safe := m.safe & alive
	looked := m.looked & alive &^ m.safe
	announced := m.announced & alive &^ m.safe &^ m.looked
	if safe|looked|announced == 0 {
		return
	}
	for k, p := range taskPerms {
		hashes[k] += 0x9e3779b97f4a7c15 * (uint64(permuteSet(announced, p))<<40 | uint64(permuteSet(looked, p))<<20 | uint64(permuteSet(safe, p)))
	}
}
