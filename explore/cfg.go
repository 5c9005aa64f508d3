package explore

import (
	"sync"

	"github.com/uffdsim/uffdsim/sim"
)

// atlas is the map of all the tasks' programs, as far as runs have come. It is shared by
// the workers of a search: each reads it for the length of a run and writes only between
// two runs, when nobody reads.
type flowGraph struct {
	sync.RWMutex
	points    map[pointKey]*point
	taskPerms [][]int               // the tasks, if faulters change places
	signalled map[sim.ObjectID]bool // tasks that signals are sent to
	worklist  []*point              // whose surroundings have changed since the last survey
	version   int                   // how often it has changed

	bitsMu sync.RWMutex
	bits   map[lockKey]int
}

// placeKey tells places apart. It need not tell all of them: two that are taken for one
// have the futures of both. But the better it tells them, the less is feared of either.
type pointKey struct {
	Task         int
	Abstraction  uint64 // what the task remembers of its past
	Steps        int    // steps since then, up to the one that is to be taken from here
	Op, PrevOp   sim.Op // the step, and the one that led here
	Obj, PrevObj sim.ObjectID
	In           sim.ObjectID
}

// trip is a way that a run has taken from one place to the next. Both are called what they
// would be if faulters changed places: by one key for each renaming.
type edgeRecord struct {
	From, To []pointKey // From is empty for a task's first place
	Acquires bool       // the step has brought the task what others may be waiting for
}

func newFlowGraph(permuted [][]int) *flowGraph {
	return &flowGraph{
		taskPerms: permuted,
		points:    map[pointKey]*point{},
		signalled: map[sim.ObjectID]bool{},
		bits:      map[lockKey]int{},
	}
}

// knows reports whether the way is on the map.
func (p *point) hasEdge(to *point, acquired lockSet) bool {
	for _, w := range p.edges {
		if w.to == to && w.acquired == acquired {
			return true
		}
	}
	return false
}

// enter puts trips on the map and brings all futures up to date. It returns those that were not
// on it, and reports whether one of the questions would now have another answer.
func (a *flowGraph) addEdges(trips []edgeRecord, asked []map[query]struct{}) (added []edgeRecord, wrong bool) {
	a.Lock()
	defer a.Unlock()
	a.version++
	for _, t := range trips {
		if a.addEdge(t) {
			added = append(added, t)
		}
	}
	changed := map[int]*point{}
	for len(a.worklist) > 0 {
		p := a.worklist[len(a.worklist)-1]
		a.worklist = a.worklist[:len(a.worklist)-1]
		if p.update(a.signalled[p.step.in]) {
			changed[p.index] = p
			a.worklist = append(a.worklist, p.preds...)
		}
	}
	for _, questions := range asked {
		for q := range questions {
			if p := changed[q.point]; p != nil && p.effects.answer(q) {
				return added, true
			}
		}
	}
	return added, false
}

// put puts a trip on the map, and those of the faulters who could have made it instead, and
// reports whether it was not there. Where the trip began need not be on the map yet: the one that
// led there may come later, from another shard.
func (a *flowGraph) addEdge(t edgeRecord) (added bool) {
	places := len(a.points)
	for k := range t.To {
		to := a.pointFor(t.To, k)
		if len(t.From) == 0 {
			continue
		}
		from, acquired := a.pointFor(t.From, k), lockSet(0)
		if t.Acquires {
			acquired, _ = a.lockBits(from.step)
		}
		if !from.hasEdge(to, acquired) {
			from.edges = append(from.edges, edge{to, acquired})
			to.preds = append(to.preds, from)
			a.worklist = append(a.worklist, from)
			added = true
		}
	}
	return added || len(a.points) > places
}

// place is the place with the key that has number k among its twins'. If it is new, it is put
// on the map.
func (a *flowGraph) pointFor(keys []pointKey, k int) *point {
	key := keys[k]
	p := a.points[key]
	if p != nil {
		return p
	}
	p = &point{index: len(a.points), step: step{op: key.Op, obj: key.Obj, in: key.In}, orbit: a.orbitOf(keys, k)}
	a.points[key] = p
	a.worklist = append(a.worklist, p)
	if key.Op == sim.OpSignal && !a.signalled[key.In] {
		a.signalled[key.In] = true
		for _, p := range a.points { // the sleeps of its target count from now on
			if p.step.in == key.In {
				a.worklist = append(a.worklist, p)
			}
		}
	}
	return p
}

// twins are the keys as they look from the one with number k: renamed further.
func (a *flowGraph) orbitOf(keys []pointKey, k int) []pointKey {
	twins := make([]pointKey, len(keys))
	for j, first := range a.taskPerms {
		twins[j] = keys[compose(a.taskPerms, first, a.taskPerms[k])]
	}
	return twins
}

// bit is the lock set with one element. When there are more than fit, the others are
// none: whatever they would keep out is then taken for possible.
func (a *flowGraph) lockBit(k lockKey) lockSet {
	a.bitsMu.RLock()
	i, ok := a.bits[k]
	a.bitsMu.RUnlock()
	if !ok {
		a.bitsMu.Lock()
		if i, ok = a.bits[k]; !ok {
			i = len(a.bits)
			a.bits[k] = i
		}
		a.bitsMu.Unlock()
	}
	if i >= 64 {
		return 0
	}
	return 1 << i
}
