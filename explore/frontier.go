package explore

// The frontier has the parts of the search tree that a worker has left to the others. A
// worker explores its own subtree depth first, without the frontier.

// workItem is an unexplored subtree: the one below the last state of the path, after its
// chosen task's step.
type workItem struct{ path []node }

// takeItem takes a work item from the frontier. It waits until there is one, and returns
// false once the pass is over.
func (s *search) takeItem() (workItem, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.frontier) == 0 && s.busy > 0 && s.stop == running {
		s.changed.Wait()
	}
	if len(s.frontier) == 0 || s.stop != running {
		return workItem{}, false
	}
	item := s.frontier[len(s.frontier)-1]
	s.frontier = s.frontier[:len(s.frontier)-1]
	s.busy++
	return item, true
}

// finishItem ends the work on an item.
func (s *search) finishItem() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy--
	s.changed.Broadcast()
}

// hasIdleWorker reports whether a worker waits for an item.
func (s *search) hasIdleWorker() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.frontier) == 0 && s.busy < s.opts.Workers
}

// addItem adds a work item to the frontier.
func (s *search) addItem(item workItem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frontier = append(s.frontier, item)
	s.changed.Signal()
}
