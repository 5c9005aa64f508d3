package explore

import "fmt"

// What the shards of a search tell each other.

// letter is what one of them has to tell since its last one.
type letter struct {
	Pass     int
	Stage    stage
	States   []uint64       `json:",omitempty"` // explored, each with the set of tasks that slept
	Trips    []trip         `json:",omitempty"` // for the map
	Outcomes map[string]int `json:",omitzero"`  // all of the pass; there may be none
	Failure  string         `json:",omitempty"` // the schedule of a run that went wrong
}

// begin tells the others of a new pass. What was not told of the last one does not count any more,
// but for the trips.
func (g *group) begin(pass int) error {
	l := letter{Pass: pass, Trips: g.next.Trips}
	g.next, g.late = letter{}, nil
	return g.box.Send(l)
}

// through says that a state is explored, unless this is only the part of it that was given to this
// worker. If a part was given away, the others are told later.
func (s *search) through(n *node) {
	g := s.group
	if g == nil || n.state == 0 || n.given {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	to := &g.next.States
	if n.lent {
		to = &g.late
	}
	*to = append(*to, n.state, uint64(n.asleep))
	s.seen.explored(n.state, n.asleep, s.opts.Shard)
}

// made says which trips are new on this shard's map.
func (s *search) made(trips []trip) {
	if g := s.group; g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.next.Trips = append(g.next.Trips, trips...)
	}
}

// reach says how far this shard is with the pass. All workers have stopped.
func (g *group) reach(stage stage, outcomes map[string]int) {
	g.next.Stage, g.next.Outcomes = stage, outcomes
	g.next.States = append(g.next.States, g.late...)
	g.late = nil
}

// trade sends what there is to tell, and takes in what has come.
func (s *search) trade() {
	g := s.group
	g.mu.Lock()
	l := g.next
	g.next = letter{Stage: l.Stage}
	g.mu.Unlock()
	var err error
	if len(l.States)+len(l.Trips) > 0 || l.Outcomes != nil {
		l.Pass = s.result.Passes
		err = g.box.Send(l)
	}
	if err == nil {
		err = g.box.Receive(s.hear)
	}
	if err != nil {
		s.fail(err, nil)
	}
}

// hear takes in a letter. One of a later pass is left until this shard has begun that, too.
func (s *search) hear(from int, l letter) (taken bool) {
	pass, g := s.result.Passes, s.group
	if l.Pass > pass {
		g.ahead = max(g.ahead, l.Pass)
		s.end(lost)
		return false
	}
	other := g.others[from]
	other.pass, other.stage = l.Pass, l.Stage
	if l.Outcomes != nil {
		other.outcomes = l.Outcomes
	}
	if len(l.Trips) > 0 {
		if _, wrong := s.enter(l.Trips); wrong {
			s.mislead()
		}
	}
	if l.Pass == pass {
		for i := 0; i+1 < len(l.States); i += 2 {
			s.seen.explored(l.States[i], uint32(l.States[i+1]), from)
		}
	}
	switch {
	case l.Failure != "":
		s.failElsewhere(from, l.Failure)
	case l.Stage == gone:
		s.result.GaveUp = append(s.result.GaveUp, from)
		s.end(spent)
	}
	return true
}

// failElsewhere ends the search with a run that went wrong in another shard.
func (s *search) failElsewhere(shard int, text string) {
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
