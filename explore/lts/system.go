package lts

import (
	"slices"

	"github.com/uffdsim/uffdsim/sim"
)

// System is what runs of a program have shown of its tasks' transitions. It may be read
// by many goroutines at a time; a [Recorder] needs it alone.
type System struct {
	perms   int // permutations of the symmetry group
	initial []*Local
	tasks   []task
	sems    []uint32 // the objects that are semaphores

	locals  []*Local
	byKey   map[localKey]*Local
	objects []object // 0 is not used
	byID    map[uint64]uint32
	cells   []cell // 0 is not used
	byCell  map[cellKey]uint32
	terms   []uint64 // of cell c from c*perms on: what it adds to the hashes
}

// task is what the system needs to know about a task.
type task struct {
	state, signals uint32 // the objects
	images         []int  // its index under each permutation
}

// Local is a location of a task, together with its local state.
type Local struct {
	// Index is the local's number in the system.
	Index int
	// Task is the index of the task.
	Task int
	// Ended says that the task has ended, with the Outcome.
	Ended   bool
	Outcome string
	// Op is the operation that the task takes next, on the object Obj.
	Op  sim.Op
	Obj sim.Object
	// PrevOp and PrevObj are the step that led here, as far as the local records it.
	PrevOp  sim.Op
	PrevObj sim.Sums
	// Abstraction is that of the task's history, and Steps the number of steps announced
	// since: see [sim.Task.Abstraction].
	Abstraction sim.Sums
	Steps       int

	at          sim.Sums // hashes of the location
	object      uint32   // number of Obj, 0 if none
	structure   uint32   // number of the structure that contains it
	transitions []transition
}

type localKey struct {
	task    int
	at      uint64
	prevOp  sim.Op
	prevObj uint64
	ended   bool
}

// transition is what a task does at a local if it finds the contents.
type transition struct {
	found []uint32 // cells
	then  []effect
	to    *Local
}

// effect is a change of the state: an object's new cell, or what happens to a structure.
type effect struct {
	kind sim.AccessKind // not Found
	of   uint32         // the object, or the structure
	cell uint32         // for Left
}

// object is a word, a lock or another part of the state that has a content. A structure
// is an object, too, with the content zero until it is freed.
type object struct {
	ids     sim.Sums
	initial uint32   // the cell before the first step
	zero    uint32   // the cell of the content zero
	sem     int      // number of the semaphore, -1 if it is none
	members []uint32 // of a structure: the objects within
	born    bool     // a structure that did not exist before the first step
}

// cell is an object with a content.
type cell struct {
	object  uint32
	content []uint64 // under each permutation
}

type cellKey struct {
	object  uint32
	content uint64 // under the identity
}

// freed is the content of a freed structure.
const freed = 1

// New returns a system that knows nothing yet. perms is the number of permutations of the
// symmetry group, and images has the index of each task under each of them.
func New(perms int, images [][]int) *System {
	s := &System{
		perms: perms, byKey: map[localKey]*Local{}, byID: map[uint64]uint32{},
		byCell: map[cellKey]uint32{}, objects: make([]object, 1), cells: []cell{{content: make([]uint64, perms)}},
		terms: make([]uint64, perms),
	}
	for _, to := range images {
		s.tasks = append(s.tasks, task{images: to})
	}
	return s
}

// objectOf returns the number of an object. If it is new, it holds the content before the
// first step.
func (s *System) objectOf(o *sim.Object, before []uint64) uint32 {
	if i, ok := s.byID[o.IDs[0]]; ok {
		return i
	}
	in := s.structureOf(&o.In)
	if s.objects[in].born {
		before = s.nothing()
	}
	i := s.addObject(o.IDs, before)
	s.objects[in].members = append(s.objects[in].members, i)
	return i
}

// structureOf returns the number of a structure. Its identity as an object differs from
// those of its parts.
func (s *System) structureOf(ids *sim.Sums) uint32 {
	if i, ok := s.structure(ids[0]); ok {
		return i
	}
	own := *ids
	for k := range own {
		own[k] = sim.Mix(own[k], structureMark)
	}
	return s.addObject(own, s.nothing())
}

// structure returns the number of a structure that is known, given its identity.
func (s *System) structure(id uint64) (i uint32, known bool) {
	i, known = s.byID[sim.Mix(id, structureMark)]
	return i, known
}

const structureMark = 0x73747275

// nothing returns the content zero.
func (s *System) nothing() []uint64 { return make([]uint64, s.perms) }

func (s *System) addObject(ids sim.Sums, before []uint64) uint32 {
	i := uint32(len(s.objects))
	s.byID[ids[0]] = i
	s.objects = append(s.objects, object{ids: ids, sem: -1})
	s.objects[i].initial = s.addCell(i, before, before)
	s.objects[i].zero = s.cellOf(i, s.nothing())
	return i
}

// addSem numbers a semaphore, unless it has a number.
func (s *System) addSem(object uint32) {
	if o := &s.objects[object]; o.sem < 0 {
		o.sem = len(s.sems)
		s.sems = append(s.sems, object)
	}
}

// cellOf returns the number of the cell of an object with a content.
func (s *System) cellOf(object uint32, content []uint64) uint32 {
	if c, ok := s.byCell[cellKey{object, content[0]}]; ok {
		return c
	}
	return s.addCell(object, content, s.cells[s.objects[object].initial].content)
}

// addCell adds a cell. The initial content of an object adds nothing to the hashes, so
// that they do not depend on when the object became known.
func (s *System) addCell(object uint32, content, initial []uint64) uint32 {
	c := uint32(len(s.cells))
	s.byCell[cellKey{object, content[0]}] = c
	s.cells = append(s.cells, cell{object, slices.Clone(content)})
	ids := &s.objects[object].ids
	for k := range s.perms {
		s.terms = append(s.terms, sim.Mix(ids[k], content[k])-sim.Mix(ids[k], initial[k]))
	}
	return c
}
