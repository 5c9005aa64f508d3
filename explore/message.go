package explore

import "fmt"

// message is what a shard broadcasts to the others: everything new since its last
// message.
type message struct {
	Pass     int
	Stage    stage
	States   []uint64       `json:",omitempty"` // pairs: the hash of an explored state, its sleep set
	Edges    []edgeRecord   `json:",omitempty"` // new ones of the control-flow graph
	Outcomes map[string]int `json:",omitzero"`  // all of the pass; not nil, but maybe empty, at its end
	Failure  string         `json:",omitempty"` // the schedule of a run that went wrong
}

// beginPass announces a new pass. It drops what was not sent of the pass before, except
// for edges.
func (g *group) beginPass(pass int) error {
	m := message{Pass: pass, Edges: g.outgoing.Edges}
	g.outgoing, g.deferred = message{}, nil
	return g.member.Send(m)
}

// markExplored queues a message that the node's state is explored, unless this worker has
// explored only one branch that another worker left to it. If a branch was left to
// another worker, the message is deferred until all workers of this shard have finished
// the pass.
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

// queueEdges queues edges for the next message.
func (s *search) queueEdges(edges []edgeRecord) {
	if g := s.group; g != nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.outgoing.Edges = append(g.outgoing.Edges, edges...)
	}
}

// reachStage queues a message that this shard has reached a stage of the pass. All its
// workers must have stopped.
func (g *group) reachStage(stage stage, outcomes map[string]int) {
	g.outgoing.Stage, g.outgoing.Outcomes = stage, outcomes
	g.outgoing.States = append(g.outgoing.States, g.deferred...)
	g.deferred = nil
}

// exchange sends the queued message, if any, and receives those of the other shards.
func (s *search) exchange() {
	g := s.group
	g.mu.Lock()
	m := g.outgoing
	g.outgoing = message{Stage: m.Stage}
	g.mu.Unlock()
	var err error
	if len(m.States)+len(m.Edges) > 0 || m.Outcomes != nil {
		m.Pass = s.result.Passes
		err = g.member.Send(m)
	}
	if err == nil {
		err = g.member.Receive(s.receive)
	}
	if err != nil {
		s.fail(err, nil)
	}
}

// receive processes a message of another shard. It refuses a message of a later pass, and
// stops this pass: the message is delivered again in that pass.
func (s *search) receive(from int, m message) (accepted bool) {
	pass, g := s.result.Passes, s.group
	if m.Pass > pass {
		g.latestPass = max(g.latestPass, m.Pass)
		s.halt(restart)
		return false
	}
	p := g.peers[from]
	p.pass, p.stage = m.Pass, m.Stage
	if m.Outcomes != nil {
		p.outcomes = m.Outcomes
	}
	if len(m.Edges) > 0 {
		s.graph.Lock()
		_, wrong := s.mergeEdges(m.Edges)
		s.graph.Unlock()
		if wrong {
			s.invalidate()
		}
	}
	if m.Pass == pass {
		for i := 0; i+1 < len(m.States); i += 2 {
			s.visited.addExplored(m.States[i], uint32(m.States[i+1]), from)
		}
	}
	switch {
	case m.Failure != "":
		s.failFromPeer(from, m.Failure)
	case m.Stage == stopped:
		s.result.GaveUp = append(s.result.GaveUp, from)
		s.halt(outOfBudget)
	}
	return true
}

// failFromPeer ends the search with a run that went wrong in another shard. It replays
// the run, which must go wrong here, too.
func (s *search) failFromPeer(shard int, text string) {
	var failure error
	schedule, err := ParseSchedule(text)
	if err == nil {
		_, failure, err = Replay(s.program, s.opts, schedule, nil)
	}
	switch {
	case err != nil:
		s.fail(fmt.Errorf("the failing run of shard %d cannot be replayed: %w", shard, err), nil)
	case failure == nil:
		s.fail(fmt.Errorf("the failing run of shard %d does not fail here: %s", shard, text), nil)
	default:
		s.fail(nil, &Failure{Err: failure, Schedule: schedule})
	}
}
