package explore

import (
	"fmt"
	"math/rand/v2"

	"github.com/uffdsim/uffdsim/sim"
)

// symmetryRuns is the number of random runs that checkSymmetry compares with their
// permutations.
const symmetryRuns = 20

// checkSymmetry compares random runs of the program with the same runs under each
// permutation. It returns an error if a permuted run is impossible, or does not reach the
// permuted states: then the tasks are not interchangeable, or something that belongs to
// them is not declared.
func (p *Standalone) checkSymmetry(opts *Options) error {
	perms, taskPerms := p.symmetryGroup(opts)
	if len(perms) == 1 {
		return nil
	}
	f := newFactory()
	defer f.close()
	for seed := range uint64(symmetryRuns) {
		random := &sampler{rng: rand.New(rand.NewPCG(seed, 0x73796d6d))}
		states := &stateRecorder{perms: perms, taskPerms: taskPerms}
		if err := states.record(p, f, random, opts); err != nil {
			return err
		}
		for k := 1; k < len(perms); k++ {
			permuted := &replay{schedule: states.permuted(random.schedule, taskPerms[k]), ready: true}
			images := &stateRecorder{perms: perms, taskPerms: taskPerms}
			if err := images.record(p, f, permuted, opts); err != nil {
				return err
			}
			if err := states.compare(images, k, random.schedule, permuted); err != nil {
				return fmt.Errorf("%s: the tasks are not interchangeable: %w", p.Name, err)
			}
		}
	}
	return nil
}

// stateRecorder is a strategy that records the fingerprints before each step.
type stateRecorder struct {
	sim.Chooser
	perms     []sim.Permutation
	taskPerms [][]int
	run       *Run
	states    [][]uint64
}

// Pick implements [sim.Strategy].
func (s *stateRecorder) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	s.states = append(s.states, s.run.fingerprints(nil))
	return s.Chooser.Pick(enabled, current)
}

// record runs the program once, with the strategy.
func (s *stateRecorder) record(p *Standalone, f *factory, strategy sim.Chooser, opts *Options) error {
	s.Chooser = strategy
	run, err := p.newRun(f, s, opts)
	if err != nil {
		return err
	}
	defer run.discard()
	s.run = run
	switch strategy := strategy.(type) {
	case *sampler:
		strategy.run = run
	case *replay:
		strategy.current = run
	}
	run.enableFingerprints(s.perms, s.taskPerms)
	run.host.start()
	_ = run.exec.Settle() // a run that fails is compared, too
	return nil
}

// permuted returns the schedule under a permutation of the tasks.
func (s *stateRecorder) permuted(schedule Schedule, to []int) Schedule {
	names := map[string]string{}
	for i, t := range s.run.tasks {
		names[t.Name] = s.run.tasks[to[i]].Name
	}
	image := make(Schedule, len(schedule))
	for i, step := range schedule {
		task := taskOf(step)
		image[i] = names[task] + step[len(task):]
	}
	return image
}

// compare compares the states of a run with those of its image under permutation k.
func (s *stateRecorder) compare(images *stateRecorder, k int, schedule Schedule, permuted *replay) error {
	if permuted.mismatch != nil {
		return fmt.Errorf("%v is a run, and %v is none: %w", schedule, permuted.schedule, permuted.mismatch)
	}
	for i := range s.states {
		if i >= len(images.states) || s.states[i][k] != images.states[i][0] {
			return fmt.Errorf("after %v and %v the states differ", schedule[:i], permuted.schedule[:i])
		}
	}
	return nil
}
