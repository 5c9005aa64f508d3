package explore

import (
	"unsafe"

	"github.com/uffdsim/uffdsim/sim"
)

// Invariant adds a check of every state of the run: between any two visible steps, and at
// the end. Its error is the failure of the run. The check reads words with [Run.Value].
//
// If reads names every word that the check reads, and the check reads nothing else, the
// search keeps its partial-order reduction: it treats two writes of any of these words as
// dependent, and so explores every order of them. (In the literature, the writes are the
// visible transitions.) Tasks must write such a word by its methods that take visible
// steps. Without reads the search explores all enabled tasks in every state that it has
// not visited. The check may then read everything that determines the further run: words,
// and data that a lock guards ([sim.SpinLock.Guards]).
//
// If tasks are interchangeable the check must treat them alike.
func (r *Run) Invariant(check func() error, reads ...*sim.Word) {
	r.invariants = append(r.invariants, check)
	r.exec.Invariant = r.checkInvariants
	if len(reads) == 0 {
		r.everyState = true
	}
	for _, w := range reads {
		if r.observed == nil {
			r.observed = map[unsafe.Pointer]bool{}
		}
		r.observed[unsafe.Pointer(w)] = true
	}
}

// Value returns the word's value in memory without a visible step. It is for the checks
// of [Run.Invariant] and [Run.AtEnd]. With store buffers it differs from
// [sim.Word.Peek], which returns the value stored last, even if no other task can see it.
func (r *Run) Value(w *sim.Word) uint64 { return r.exec.InMemory(w) }

func (r *Run) checkInvariants() error {
	for _, check := range r.invariants {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// observedID is the ID, in steps, of all words that invariants observe.
const observedID sim.ObjectID = 0x6f62736572766564

// announced returns the step that a task has announced, with the IDs of its object and
// of the structure that contains it, for the dependency relation. All words that
// invariants observe are one object there. A change of a count of references is a write
// if invariants observe it.
func (r *Run) announced(t *sim.Task, permutation int) (op sim.Op, obj, in sim.ObjectID) {
	next := t.Next()
	obj, in, _ = r.exec.ID(next.Obj, permutation)
	op = next.Op
	if r.observed[next.Obj] {
		obj = observedID
		if op == sim.OpGet || op == sim.OpPut {
			op = sim.OpStore
		}
	}
	return op, obj, in
}
