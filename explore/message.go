package explore

import "fmt"

// What the shards of a search tell each other.

// letter is what one of them has to tell since its last one.
type message struct {
	Pass     int
	Stage    stage
	States   []uint64       `json:",omitempty"` // explored, each with the set of tasks that slept
	Edges    []edgeRecord   `json:",omitempty"` // for the map
	Outcomes map[string]int `json:",omitzero"`  // all of the pass; there may be none
	Failure  string         `json:",omitempty"` // the schedule of a run that went wrong
}

// begin tells the others of a new pass. What was not told of the last one does not count any more,
// but for the trips.
func (g *group) beginPass(pass int) error {
	l := message{Pass: pass, Edges: g.outgoing.Edges}
	g.outgoing, g.deferred = message{}, nil
	return g.member.Send(l)
}

// through says that a state is explored, unless this is only the part of it that was given to this
// worker. If a part was given away, the others are told later.
func (s *search) markExplored(n *node) {
	g := s.group
	if g == nil || n.hash == 0 || n.partial {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	to := &g.outgoing.States
	if n.split {
		to = &g.deferred
	}
	*to = append(*to, n.hash, uint64(n.storedSleep))
	s.visited.addExplored(n.hash, n.storedSleep, s.opts.Shard)
}

// made says which trips are new on this shard's map.
func (s *search) queueEdges(trips []edgeRecord) {
	if g := s.group; g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.outgoing.Edges = append(g.outgoing.Edges, trips...)
	}
}

// reach says how far this shard is with the pass. All workers have stopped.
func (g *group) reachStage(stage stage, outcomes map[string]int) {
	g.outgoing.Stage, g.outgoing.Outcomes = stage, outcomes
	g.outgoing.States = append(g.outgoing.States, g.deferred...)
	g.deferred = nil
}

// trade sends what there is to tell, and takes in what has come.
func (s *search) exchange() {
	g := s.group
	g.mu.Lock()
	l := g.outgoing
	g.outgoing = message{Stage: l.Stage}
	g.mu.Unlock()
	var err error
	if len(l.States)+len(l.Edges) > 0 || l.Outcomes != nil {
		l.Pass = s.result.Passes
		err = g.member.Send(l)
	}
	if err == nil {
		err = g.member.Receive(s.receive)
	}
	if err != nil {
		s.fail(err, nil)
	}
}

// hear takes in a letter. One of a later pass is left until this shard has begun that, too.
func (s *search) receive(from int, l message) (taken bool) {
	pass, g := s.result.Passes, s.group
	if l.Pass > pass {
		g.latestPass = max(g.latestPass, l.Pass)
		s.halt(restart)
		return false
	}
	other := g.peers[from]
	other.pass, other.stage = l.Pass, l.Stage
	if l.Outcomes != nil {
		other.outcomes = l.Outcomes
	}
	if len(l.Edges) > 0 {
		if _, wrong := s.mergeEdges(l.Edges); wrong {
			s.invalidate()
		}
	}
	if l.Pass == pass {
		for i := 0; i+1 < len(l.States); i += 2 {
			s.visited.addExplored(l.States[i], uint32(l.States[i+1]), from)
		}
	}
	switch {
	case l.Failure != "":
		s.failFromPeer(from, l.Failure)
	case l.Stage == stopped:
		s.result.GaveUp = append(s.result.GaveUp, from)
		s.halt(outOfBudget)
	}
	return true
}

// failElsewhere ends the search with a run that went wrong in another shard.
func (s *search) failFromPeer(shard int, text string) {
	var failure error
	schedule, err := ParseSchedule(text)
	if err == nil {
		_, failure, err = Replay(s.setup, s.opts, schedule, nil)
	}
	switch {
	case err != nil:
		s.fail(fmt.Errorf("part %d found a run that goes wrong: %w", shard, err), nil)
	case failure == nil:
		s.fail(fmt.Errorf("part %d found a run that goes wrong, but here it does not: %s", shard, text), nil)
	default:
		s.fail(nil, &Failure{Err: failure, Schedule: schedule})
	}
}
