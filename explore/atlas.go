package explore

import (
	"sync"

	"github.com/uffdsim/uffdsim/sim"
)

// atlas is the map of all the tasks' programs, as far as runs have come. It is shared by
// the workers of a search: each reads it for the length of a run and writes only between
// two runs, when nobody reads.
type atlas struct {
	sync.RWMutex
	places    map[placeKey]*place
	signalled map[sim.ObjectID]bool // tasks that signals are sent to
	fresh     []*place              // whose surroundings have changed since the last survey
	version   int                   // how often it has changed

	bitsMu sync.RWMutex
	bits   map[lockKey]int
}

// placeKey tells places apart. It need not tell all of them: two that are taken for one
// have the futures of both. But the better it tells them, the less is feared of either.
type placeKey struct {
	task       int
	mark       uint64 // what the task remembers of its past
	announced  int    // steps since then, up to the one that is to be taken from here
	op, before sim.Op // the step, and the one that led here
	obj, prior sim.ObjectID
	in         sim.ObjectID
}

// trip is a way that a run has taken.
type trip struct {
	from, to placeKey // from is zero for a task's first place
	acquired lockSet
	twins    []placeKey // what to would be called, if faulters changed places
}

func newAtlas() *atlas {
	return &atlas{
		places:    map[placeKey]*place{},
		signalled: map[sim.ObjectID]bool{},
		bits:      map[lockKey]int{},
	}
}

// knows reports whether the way is on the map.
func (p *place) knows(to *place, acquired lockSet) bool {
	for _, w := range p.ways {
		if w.to == to && w.acquired == acquired {
			return true
		}
	}
	return false
}

// enter puts trips on the map and brings all futures up to date. It reports whether one
// of the questions would now have another answer.
func (a *atlas) enter(trips []trip, asked []map[question]struct{}) (wrong bool) {
	a.Lock()
	defer a.Unlock()
	a.version++
	for _, t := range trips {
		a.put(t)
	}
	changed := map[int]*place{}
	for len(a.fresh) > 0 {
		p := a.fresh[len(a.fresh)-1]
		a.fresh = a.fresh[:len(a.fresh)-1]
		if p.learn(a.signalled[p.step.in]) {
			changed[p.index] = p
			a.fresh = append(a.fresh, p.back...)
		}
	}
	for _, questions := range asked {
		for q := range questions {
			if p := changed[q.place]; p != nil && p.ahead.answer(q) {
				return true
			}
		}
	}
	return false
}

func (a *atlas) put(t trip) {
	to := a.places[t.to]
	if to == nil {
		to = &place{index: len(a.places), step: step{op: t.to.op, obj: t.to.obj, in: t.to.in}, twins: t.twins}
		a.places[t.to] = to
		a.fresh = append(a.fresh, to)
		if t.to.op == sim.OpSignal && !a.signalled[t.to.in] {
			a.signalled[t.to.in] = true
			for _, p := range a.places { // the sleeps of its target count from now on
				if p.step.in == t.to.in {
					a.fresh = append(a.fresh, p)
				}
			}
		}
	}
	if from := a.places[t.from]; from != nil && !from.knows(to, t.acquired) {
		from.ways = append(from.ways, way{to, t.acquired})
		to.back = append(to.back, from)
		a.fresh = append(a.fresh, from)
	}
}

// bit is the lock set with one element. When there are more than fit, the others are
// none: whatever they would keep out is then taken for possible.
func (a *atlas) bit(k lockKey) lockSet {
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
