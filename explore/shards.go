package explore

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/uffdsim/uffdsim/explore/broadcast"
	"github.com/uffdsim/uffdsim/sim"
)

// Several processes, the shards, can share a search. Each begins at the root, and
// explores the branches in an order of its own. It broadcasts each state that it has
// explored, and the others skip that state. So the shards share the work although most
// paths soon reach the same states. They also broadcast the edges that they add to the
// control-flow graph.
//
// A skipped state was explored only if the assumptions of the shard that explored it
// hold. So all shards make each pass together. A pass ends when each shard has explored
// everything and has received all edges of the others. If none of these edges has
// invalidated an assumption of any shard, the search has converged: the graph is at its
// fixed point, and everything is covered. Otherwise another pass follows.

// group is a shard's connection to the other shards.
type group struct {
	member     *broadcast.Member[message]
	peers      map[int]*peer
	latestPass int // the latest pass that another shard has begun

	mu       sync.Mutex // protects the fields below
	outgoing message    // not sent yet
	deferred []uint64   // as message.States, to be sent at the end of the pass
}

// peer is another shard, according to the messages received from it.
type peer struct {
	pass     int
	stage    stage
	outcomes map[string]int
}

// stage is the stage of a pass that a shard has reached.
type stage int

const (
	exploring stage = iota
	explored        // it has explored everything, and has sent all messages about that
	converged       // it has received all edges, and none has invalidated an assumption
	stopped         // it has stopped early, or has found a run that goes wrong
)

// pause returns the interval between two exchanges of messages. It grows with the number
// of shards, because each reads the files of all.
func (g *group) pause() time.Duration {
	return 10 * time.Millisecond * time.Duration(1+len(g.peers))
}

// joinGroup joins the group of shards, if there are several.
func (s *search) joinGroup() error {
	o := &s.opts
	switch {
	case o.Shards <= 1:
		return nil
	case o.Shard < 0 || o.Shard >= o.Shards:
		return fmt.Errorf("shard %d of %d: must be from 0 to %d", o.Shard, o.Shards, o.Shards-1)
	case !o.reduced():
		return errors.New("shards need a search with reductions, neither plain nor bounded")
	case o.Exchange == "":
		return errors.New("shards need a directory to exchange messages in")
	}
	program, err := s.programHash()
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("%s%s, %d shards, program %016x", s.program.name(), o.Flags(), o.Shards, program)
	member, err := broadcast.Join[message](o.Exchange, o.Shard, o.Shards, subject)
	if err != nil {
		return err
	}
	s.group = &group{member: member, peers: map[int]*peer{}}
	for i := range o.Shards {
		if i != o.Shard {
			s.group.peers[i] = &peer{}
		}
	}
	return nil
}

// programHash returns a hash over the state hashes of one run. If it differs between two
// shards, they run different programs, or hash states differently, and cannot share
// states.
func (s *search) programHash() (sum uint64, err error) {
	r := &replay{}
	r.onStep = func(*sim.Task) {
		for _, state := range r.current.fingerprints(nil) {
			sum = bits.RotateLeft64(sum, 1) ^ state
		}
	}
	_, err = r.run(s.program, s.opts, func(run *Run) {
		run.enableFingerprints(s.perms, s.taskPerms)
	})
	return sum, err
}

// exchangeLoop exchanges messages while the workers explore, until done is closed.
func (s *search) exchangeLoop(done <-chan struct{}) {
	tick := time.NewTicker(s.group.pause())
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			s.exchange()
		}
	}
}

// converge waits for the other shards at the end of a pass, and reports whether that was
// the last one.
func (s *search) converge() (last bool) {
	g := s.group
	if g == nil {
		return s.stop == running && !s.invalidated
	}
	for _, stage := range []stage{explored, converged} {
		if s.stop != running || s.invalidated {
			return false
		}
		g.reachStage(stage, s.result.Outcomes)
		s.exchange()
		for pause := g.pause(); s.awaitsPeers(stage); pause = min(2*pause, time.Second) {
			if s.stop != running || s.invalidated {
				return false
			}
			s.waitForPeers(pause)
			s.exchange()
		}
	}
	return s.stop == running
}

// awaitsPeers reports whether another shard has not reached the stage of this pass.
func (s *search) awaitsPeers(stage stage) bool {
	r := &s.result
	r.WaitsFor = nil
	for i := range s.opts.Shards {
		if o := s.group.peers[i]; o != nil && (o.pass != r.Passes || o.stage < stage) {
			r.WaitsFor = append(r.WaitsFor, i)
		}
	}
	return r.WaitsFor != nil
}

// waitForPeers sleeps, checks the budget, and reports progress.
func (s *search) waitForPeers(pause time.Duration) {
	time.Sleep(pause)
	r := &s.result
	r.Took = time.Since(s.start)
	if s.opts.overBudget(r.Took) {
		s.halt(outOfBudget)
	}
	if s.opts.Progress != nil {
		s.opts.Progress(r.Stats)
	}
}

// leaveGroup completes the result with what the other shards have found. If this shard
// has not covered everything, it tells them so.
func (s *search) leaveGroup() {
	g, r := s.group, &s.result
	r.TotalStates = s.visited.len()
	if g == nil {
		return
	}
	r.States = s.visited.countOf(s.opts.Shard)
	if r.Covered {
		for _, o := range g.peers {
			for outcome, n := range o.outcomes {
				r.Outcomes[outcome] += n
			}
		}
	} else {
		final := message{Pass: r.Passes, Stage: stopped}
		if r.Failure != nil {
			final.Failure = r.Failure.Schedule.String()
		}
		if err := g.member.Send(final); s.err == nil {
			s.err = err
		}
	}
}
