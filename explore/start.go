package explore

import (
	"fmt"
	"slices"
	"sync"

	"github.com/uffdsim/uffdsim/sim"
)

// Start adds a task during the run, on behalf of the task t, by a visible step. Its
// outcome is the result of body. A task that is not a Sleeper must end in every run. The
// name must be unique in the run. A task can start up to 63 tasks.
//
// If tasks start tasks, the search uses sleep sets and visited states alone: neither
// stubborn sets nor symmetry.
func (r *Run) Start(t *sim.Task, name string, body func(t *sim.Task) string) *Task {
	r.startsTasks = true
	task := r.newTask(name)
	task.sim = t.Go(name, nil, r.running(task, body))
	at, _ := slices.BinarySearchFunc(r.later, task.sim.ID(), func(t *Task, id int) int { return t.sim.ID() - id })
	r.later = slices.Insert(r.later, at, task)
	return task
}

// allTasks returns the tasks of the run: the first ones in order of creation, then those
// that tasks have started, in the order of their IDs, which does not depend on the
// interleaving.
func (r *Run) allTasks() []*Task {
	if r.later == nil {
		return r.tasks
	}
	return slices.Concat(r.tasks, r.later)
}

// startedTasks numbers the tasks that tasks have started, in the order in which the
// search encounters them.
type startedTasks struct {
	mu    sync.Mutex
	any   bool        // a task starts tasks
	index map[int]int // in sets of tasks, by ID
}

// known reports whether the search knows that tasks start tasks.
func (s *startedTasks) known() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.any
}

// of returns the index of a task in sets of tasks.
func (s *startedTasks) of(id int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index[id]
}

// add numbers tasks, the first one with the number first. It returns false if sets of
// tasks have no room.
func (s *startedTasks) add(tasks []*Task, first int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.any = true
	if s.index == nil {
		s.index = map[int]int{}
	}
	for _, t := range tasks {
		if _, known := s.index[t.sim.ID()]; !known {
			s.index[t.sim.ID()] = first + len(s.index)
		}
	}
	return first+len(s.index) <= firstBuffer
}

// admitTasks numbers the tasks that the run's tasks have started. It returns false if the
// run must end: because the search cannot continue, or because this pass began before the
// search knew that tasks start tasks. Then another pass follows, without stubborn sets
// and symmetry.
func (w *worker) admitTasks() bool {
	switch {
	case !w.started.add(w.world.later, len(w.world.tasks)):
		w.fail(w.tooManyTasks(), nil)
		return false
	case w.group != nil:
		w.fail(fmt.Errorf("shards cannot share the search of %s, whose tasks start tasks", w.program.name()), nil)
		return false
	case !w.startsTasks && w.opts.reduced():
		w.halt(restart)
		return false
	}
	return true
}

func (w *worker) tooManyTasks() error {
	return fmt.Errorf("%s has more than %d tasks", w.program.name(), firstBuffer)
}
