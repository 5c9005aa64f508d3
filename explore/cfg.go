package explore

import (
	"sync"

	"github.com/uffdsim/uffdsim/sim"
)

// flowGraph is the control-flow graph of the tasks' programs. The search does not have it
// from the beginning: each run adds the edges that it takes. The workers of a search
// share it. Each reads it for the length of a run, and writes only between two runs, with
// the lock held for writing.
type flowGraph struct {
	sync.RWMutex
	points    map[pointKey]*point
	taskPerms [][]int                    // the symmetry group, as permutations of the tasks
	signalled map[objectKey]bool         // tasks that signals are sent to
	numbers   map[sim.ObjectID]objectKey // of the objects and structures
	worklist  []*point                   // whose step, edges or successors' effects have changed
	version   int                        // number of changes
	cyclic    bool                       // a task can loop

	bitsMu sync.RWMutex
	bits   map[lockKey]int // number of each element in lock sets; protected by bitsMu
}

// pointKey identifies a program point. It is an abstraction: two points may have the same
// key, and then share one summary of effects, which covers both. The finer the key, the
// smaller the stubborn sets.
type pointKey struct {
	Task        int
	Abstraction uint64 // of the task's history: see [sim.Task.Abstraction]
	Steps       int    // announced since then, including the one to be taken from here
	Op, PrevOp  sim.Op // of the step to be taken from here, and of the one that led here
	Obj, In     sim.ObjectID
	PrevObj     sim.ObjectID
}

// edgeRecord is an edge that a run has taken. Each end is given as its orbit: the keys of
// one point under each permutation of the symmetry group.
type edgeRecord struct {
	From, To []pointKey // From is empty for a task's first point
	Acquires bool       // the step acquired a lock, or dropped the last reference
}

func newFlowGraph(taskPerms [][]int) *flowGraph {
	return &flowGraph{
		taskPerms: taskPerms,
		points:    map[pointKey]*point{},
		signalled: map[objectKey]bool{},
		numbers:   map[sim.ObjectID]objectKey{0: 0},
		bits:      map[lockKey]int{},
	}
}

// hasEdge reports whether the graph has the edge.
func (p *point) hasEdge(to *point, acquired lockSet) bool {
	for _, e := range p.edges {
		if e.to == to && e.acquired == acquired {
			return true
		}
	}
	return false
}

// addEdges adds edges to the graph and updates the summaries of effects to their fixed
// point. It returns the edges that were new, and reports whether one of the assumptions
// no longer holds. The graph must be locked.
func (g *flowGraph) addEdges(edges []edgeRecord, assumptions []*assumptions) (added []edgeRecord, wrong bool) {
	for _, e := range edges {
		if g.addEdge(e) {
			added = append(added, e)
		}
	}
	if len(added) == 0 {
		return nil, false
	}
	g.version++
	changed := map[int]*point{}
	for len(g.worklist) > 0 {
		p := g.worklist[len(g.worklist)-1]
		g.worklist = g.worklist[:len(g.worklist)-1]
		if p.update(g.signalled[p.step.in]) {
			changed[p.index] = p
			g.worklist = append(g.worklist, p.preds...)
		}
	}
	if g.cyclic {
		g.markSticky(func(p *point) { changed[p.index] = p })
	}
	for _, queries := range assumptions {
		for q := range queries.all {
			if p := changed[int(q.point)]; p != nil && p.effects.answer(q) {
				return added, true
			}
		}
	}
	return added, false
}

// addEdge adds an edge and all edges of its orbit, and reports whether one of them was
// new. The source need not be in the graph yet: the edge that leads to it may come later,
// from another shard.
func (g *flowGraph) addEdge(e edgeRecord) (added bool) {
	points := len(g.points)
	for k := range e.To {
		to := g.pointFor(e.To, k)
		if len(e.From) == 0 {
			continue
		}
		from, acquired := g.pointFor(e.From, k), lockSet(0)
		if e.Acquires {
			acquired, _ = g.lockBits(from.step)
		}
		if !from.hasEdge(to, acquired) {
			from.edges = append(from.edges, edge{to, acquired})
			to.preds = append(to.preds, from)
			g.worklist = append(g.worklist, from)
			g.cyclic = g.cyclic || !to.raise(from.level+1, from)
			added = true
		}
	}
	return added || len(g.points) > points
}

// pointFor returns the point with the key at index k of its orbit. It adds the point to
// the graph if it is new.
func (g *flowGraph) pointFor(keys []pointKey, k int) *point {
	key := keys[k]
	p := g.points[key]
	if p != nil {
		return p
	}
	p = &point{index: len(g.points), step: g.stepOf(key), steps: key.Steps, orbit: g.orbitOf(keys, k)}
	g.points[key] = p
	g.worklist = append(g.worklist, p)
	if in := p.step.in; key.Op == sim.OpSignal && !g.signalled[in] {
		g.signalled[in] = true
		for _, p := range g.points { // the sleeps of its target now have an effect
			if p.step.in == in {
				g.worklist = append(g.worklist, p)
			}
		}
	}
	return p
}

// stepOf returns the step that a task takes from the point with the key.
func (g *flowGraph) stepOf(key pointKey) step {
	return step{op: key.Op, obj: g.numberOf(key.Obj), in: g.numberOf(key.In)}
}

// numberOf returns the number of an object or a structure.
func (g *flowGraph) numberOf(id sim.ObjectID) objectKey {
	n, ok := g.numbers[id]
	if !ok {
		n = objectKey(len(g.numbers))
		g.numbers[id] = n
	}
	return n
}

// orbitOf returns the orbit relative to the key at index k: the result's element j is
// the image of that key under permutation j.
func (g *flowGraph) orbitOf(keys []pointKey, k int) []pointKey {
	orbit := make([]pointKey, len(keys))
	for j, first := range g.taskPerms {
		orbit[j] = keys[compose(g.taskPerms, first, g.taskPerms[k])]
	}
	return orbit
}

// lockBit returns the lock set with one element. A lock set has room for 64 elements; for
// any further one the result is empty, so that it excludes nothing.
func (g *flowGraph) lockBit(k lockKey) lockSet {
	g.bitsMu.RLock()
	i, ok := g.bits[k]
	g.bitsMu.RUnlock()
	if !ok {
		g.bitsMu.Lock()
		if i, ok = g.bits[k]; !ok {
			i = len(g.bits)
			g.bits[k] = i
		}
		g.bitsMu.Unlock()
	}
	if i >= 64 {
		return 0
	}
	return 1 << i
}
