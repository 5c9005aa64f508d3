package explore

import (
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
)

// Hosted is a program on a modelled machine that it prepares itself. Unlike a [Setup] it
// has no process, memory or context to begin with, and says itself what a run's outcome
// is.
type Hosted struct {
	Name string
	// Doc describes the program in a line.
	Doc string
	// Prepare prepares a machine that has no processes, and returns the rest of the run.
	// It is called for each run, maybe by several goroutines at a time, and must do the
	// same each time.
	Prepare func(r *Run, m *machine.Machine, exec *sim.Controlled) (Guest, error)
}

// Guest is a run of a Hosted.
type Guest interface {
	// Start creates the tasks with [Run.GoIn].
	Start()
	// Check checks the final state.
	Check() error
	// Outcome returns the outcome of the run, from its final state.
	Outcome() string
	// Recycle returns the memory of a run that has been stopped to the machine.
	Recycle()
}

func (p *Hosted) name() string      { return p.Name }
func (p *Hosted) complete(*Options) {}

func (p *Hosted) symmetryGroup(*Options) ([]sim.Permutation, [][]int) {
	return []sim.Permutation{{}}, [][]int{nil}
}

func (p *Hosted) newRun(f *factory, strategy sim.Strategy, opts *Options) (*Run, error) {
	profile, err := opts.profile()
	if err != nil {
		return nil, err
	}
	h := &guestHost{program: p}
	h.run = f.newRun(strategy, opts, h)
	h.guest, err = p.Prepare(h.run, f.newMachine(h.run.exec, profile, opts), h.run.exec)
	if err != nil {
		h.run.exec.Stop()
		return nil, err
	}
	h.run.outcome = h.guest.Outcome
	return h.run, nil
}

// guestHost is the host of a Hosted's run.
type guestHost struct {
	program *Hosted
	run     *Run
	guest   Guest
}

func (h *guestHost) start() {
	h.guest.Start()
	h.run.firstID = h.run.tasks[0].sim.ID() // IDs below are those of the preparation
}

func (h *guestHost) observe(*sim.Task)  {}
func (h *guestHost) addState([]uint64)  {}
func (h *guestHost) watched() *sim.Word { return nil }
func (h *guestHost) recycle()           { h.guest.Recycle() }
func (h *guestHost) checkFinal() error  { return h.guest.Check() }
