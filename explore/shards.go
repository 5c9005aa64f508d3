package explore

import (
	"errors"
	"fmt"
	"math/bits"
	"sync"
	"time"

	"github.com/uffdsim/uffdsim/explore/mail"
	"github.com/uffdsim/uffdsim/sim"
)

// A search can be made in shards, by several processes. Each begins at the root and takes the
// branches in an order of its own. When it is through with a state it tells the others, and they
// leave it out: so they share the work wherever it lies, though all ways soon lead to the same
// states. What one of them learns for the map it tells the others, too.
//
// What a shard leaves out has been explored only if the one that it has it from was not misled by
// the map. So all make each pass together. It is over when each has explored everything and knows
// of the others' trips; and if none of them finds then that it was misled, it was the last one.

// group is what a shard has to do with the others.
type group struct {
	member     *mail.Box[message]
	peers      map[int]*peer
	latestPass int // the latest pass that another shard has begun

	mu       sync.Mutex
	outgoing message  // to be sent
	deferred []uint64 // states to be sent when the other workers of this shard are through with them, too
}

// shard is another shard of the search, as far as this one has heard of it.
type peer struct {
	pass     int
	stage    stage
	outcomes map[string]int
}

// stage is how far a shard is with a pass.
type stage int

const (
	exploring stage = iota
	explored        // everything, and the others have been told all
	converged       // and nothing that they have told shows that it was misled
	stopped         // it has given up, or found a run that goes wrong
)

// pause is how long a shard waits before it sends what it has, and looks for letters: the longer,
// the more of them there are, for each looks at the files of all.
func (g *group) pause() time.Duration {
	return 10 * time.Millisecond * time.Duration(1+len(g.peers))
}

// join makes the search one of a group, if it is to be one.
func (s *search) joinGroup() error {
	o := &s.opts
	switch {
	case o.Shards <= 1:
		return nil
	case o.Shard < 0 || o.Shard >= o.Shards:
		return fmt.Errorf("there is no shard %d of %d: they are counted from 0", o.Shard, o.Shards)
	case !o.reduced():
		return errors.New("only a search that knows states again can be made in shards")
	case o.Exchange == "":
		return errors.New("a search in shards needs a directory in which they exchange what they find")
	}
	program, err := s.programHash()
	if err != nil {
		return err
	}
	subject := fmt.Sprintf("%s%s, in %d parts, program %016x", s.setup.Name, o.Flags(), o.Shards, program)
	box, err := mail.Join[message](o.Exchange, o.Shard, o.Shards, subject)
	if err != nil {
		return err
	}
	s.group = &group{member: box, peers: map[int]*peer{}}
	for i := range o.Shards {
		if i != o.Shard {
			s.group.peers[i] = &peer{}
		}
	}
	return nil
}

// program is a sum over the states of one run. Shards cannot talk to each other whose programs
// differ, or that take different sums of the same state.
func (s *search) programHash() (sum uint64, err error) {
	r := &replay{}
	r.onStep = func(*sim.Task) {
		for _, state := range r.world.fingerprints(nil) {
			sum = bits.RotateLeft64(sum, 1) ^ state
		}
	}
	_, err = r.run(s.setup, s.opts, func(w *World) {
		w.enableFingerprints(symmetryGroup(s.opts.symmetry(s.setup), s.opts.Faulters))
	})
	return sum, err
}

// courier trades letters while the workers work.
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

// agree waits for the other shards at the end of a pass, and reports whether it was the last one.
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

// waits reports whether there are others that have not come as far in the pass.
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

// wait waits for the other shards.
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

// part leaves the group, and completes the result with what the others have found.
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
		last := message{Pass: r.Passes, Stage: stopped}
		if r.Failure != nil {
			last.Failure = r.Failure.Schedule.String()
		}
		if err := g.member.Send(last); s.err == nil {
			s.err = err
		}
	}
}
