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
	permuted  [][]int               // the tasks, if faulters change places
	signalled map[sim.ObjectID]bool // tasks that signals are sent to
	fresh     []*place              // whose surroundings have changed since the last survey
	version   int                   // how often it has changed

	bitsMu sync.RWMutex
	bits   map[lockKey]int
}

// placeKey tells places apart. It need not tell all of them: two that are taken for one
// have the futures of both. But the better it tells them, the less is feared of either.
type placeKey struct {
	Task       int
	Mark       uint64 // what the task remembers of its past
	Announced  int    // steps since then, up to the one that is to be taken from here
	Op, Before sim.Op // the step, and the one that led here
	Obj, Prior sim.ObjectID
	In         sim.ObjectID
}

// trip is a way that a run has taken from one place to the next. Both are called what they
// would be if faulters changed places: by one key for each renaming.
type trip struct {
	From, To []placeKey // From is empty for a task's first place
	Acquires bool       // the step has brought the task what others may be waiting for
}

func newAtlas(permuted [][]int) *atlas {
	return &atlas{
		permuted:  permuted,
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

// enter puts trips on the map and brings all futures up to date. It returns those that were not
// on it, and reports whether one of the questions would now have another answer.
func (a *atlas) enter(trips []trip, asked []map[question]struct{}) (added []trip, wrong bool) {
	a.Lock()
	defer a.Unlock()
	a.version++
	for _, t := range trips {
		if a.put(t) {
			added = append(added, t)
		}
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
				return added, true
			}
		}
	}
	return added, false
}

// put puts a trip on the map, and those of the faulters who could have made it instead, and
// reports whether it was not there. Where the trip began need not be on the map yet: the one that
// led there may come later, from another shard.
func (a *atlas) put(t trip) (added bool) {
	places := len(a.places)
	for k := range t.To {
		to := a.place(t.To, k)
		if len(t.From) == 0 {
			continue
		}
		from, acquired := a.place(t.From, k), lockSet(0)
		if t.Acquires {
			acquired, _ = a.lockBits(from.step)
		}
		if !from.knows(to, acquired) {
			from.ways = append(from.ways, way{to, acquired})
			to.back = append(to.back, from)
			a.fresh = append(a.fresh, from)
			added = true
		}
	}
	return added || len(a.places) > places
}

// place is the place with the key that has number k among its twins'. If it is new, it is put
// on the map.
func (a *atlas) place(keys []placeKey, k int) *place {
	key := keys[k]
	p := a.places[key]
	if p != nil {
		return p
	}
	p = &place{index: len(a.places), step: step{op: key.Op, obj: key.Obj, in: key.In}, twins: a.twins(keys, k)}
	a.places[key] = p
	a.fresh = append(a.fresh, p)
	if key.Op == sim.OpSignal && !a.signalled[key.In] {
		a.signalled[key.In] = true
		for _, p := range a.places { // the sleeps of its target count from now on
			if p.step.in == key.In {
				a.fresh = append(a.fresh, p)
			}
		}
	}
	return p
}

// twins are the keys as they look from the one with number k: renamed further.
func (a *atlas) twins(keys []placeKey, k int) []placeKey {
	twins := make([]placeKey, len(keys))
	for j, first := range a.permuted {
		twins[j] = keys[composed(a.permuted, first, a.permuted[k])]
	}
	return twins
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
