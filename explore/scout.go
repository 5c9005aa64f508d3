package explore

import (
	"math/rand/v2"
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// scout is what a worker needs for runs that leave the map: they go on at random, and note
// down their way.
type scout struct {
	roving  bool // every run is to leave the map at once
	astray  bool // this one has left it
	trips   []trip
	lost    crowd                // where the tasks are
	lostAt  [maxTasks][]placeKey // the last place of each that was not on the map, under every renaming
	mover   int                  // which of them took the last step
	chance  *pct
	rng     *rand.Rand
	longest int // steps of a run so far
}

// maxTasks is how many tasks there can be: sets of tasks are bit masks.
const maxTasks = 32

// survey draws a map of the programs before the search begins, with runs at random until
// they bring nothing new.
func (w *worker) survey() {
	const enough, most = 100, 4000
	w.roving = true
	for runs, quiet := 0, 0; runs < most && quiet < enough; runs++ {
		if !w.run() || !w.note(w) {
			break
		}
		quiet++
		if len(w.trips) > 0 {
			w.learn(slices.Clone(w.trips))
			quiet = 0
		}
	}
	w.roving = false
}

// stray lets a run leave the map, from the state that it has come to.
func (w *worker) stray(at crowd) {
	w.astray, w.mover = true, -1
	w.lost.stands = append(w.lost.stands[:0], at.stands...)
	w.lost.steps = append(w.lost.steps[:0], at.steps...)
	w.lost.counts = at.counts
	w.chance = newPCT(w.rng, 1+w.rng.IntN(8), max(w.longest, 100))
}

// wander chooses the next step of a run that has left the map.
func (w *worker) wander(enabled []*sim.Task) *sim.Task {
	if w.mover >= 0 {
		w.follow(&w.lost, w.mover)
	}
	t := w.chance.pick(enabled)
	w.mover = t.ID() - w.base
	return t
}

// explain puts the way of a run that has left the map on it, and those of some others that
// leave it there. It reports whether something was explored because of an answer that was
// wrong.
func (w *worker) explain() (wrong bool) {
	const others = 8
	trips := slices.Clone(w.trips)
	w.roving = true
	for range others {
		if !w.run() {
			break
		}
		trips = append(trips, w.trips...)
	}
	w.roving = false
	return w.learn(trips)
}
