package explore

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/vfs"
)

// A fingerprint determines the rest of the run: wherever two runs have the same one, the
// same tasks are at the same steps, the same step leads to the same fingerprint, and a
// run that ends there has the same outcome. Otherwise the search would skip states that
// it has not visited, because an abstraction omits a live variable, or a read was not
// recorded.
func TestStatesDetermineWhatFollows(t *testing.T) {
	for _, version := range []string{DefaultVersion, "4.3", "4.14", "6.18"} {
		for _, setup := range append(Setups(), forked...) {
			t.Run(fmt.Sprint(setup.Name, " ", version), func(t *testing.T) {
				t.Parallel()
				for _, faulters := range []int{setup.Faulters, 2 * setup.Faulters} {
					follow(t, setup, Options{Faulters: faulters, Version: version})
				}
			})
		}
	}
}

// The same if a task polls twice: the second poll reuses the memory of the first one, and
// must not find a wake-up of that one there.
func TestStatesDetermineWhatFollowsASecondPoll(t *testing.T) {
	setup := &Setup{Name: "polls", Tasks: func(w *World) {
		w.faulters(own)
		for _, faulter := range w.tasks {
			faulter.Sleeper = true
		}
		w.Go("monitor", func(t *machine.Task) string {
			w.nonblock(t)
			for range 2 {
				_, _ = t.Poll([]vfs.PollFd{{Fd: w.Fd, Events: vfs.PollIn}}, true)
				for err := error(nil); err == nil; {
					_, err = readOne(t, w.Fd)
				}
			}
			return ""
		}).Sleeper = true
	}}
	for _, tso := range []bool{false, true} {
		followFor(t, setup, Options{Faulters: 2, TSO: tso}, 400)
	}
}

// The same without each of the rules, up to the failure.
func TestStatesDetermineWhatFollowsWithoutARule(t *testing.T) {
	for _, info := range uffd.Rules() {
		t.Run(info.Name, func(t *testing.T) {
			t.Parallel()
			setup := SetupFor(info.Rule)
			follow(t, setup, Options{Faulters: setup.Faulters, Version: info.Since, TSO: info.TSO, Dropped: rule.Of(info.Rule)})
		})
	}
}

// follow runs the setup at random, and requires after each known fingerprint the same
// steps and successors as before.
func follow(t *testing.T, setup *Setup, opts Options) { followFor(t, setup, opts, 60) }

func followFor(t *testing.T, program Program, opts Options, runs int) {
	require.NotZero(t, revisits(t, program, opts, runs), "no two runs came to the same state")
}

// revisits is followFor for a program whose runs may all reach different states. It
// returns how often a run reached a known state.
func revisits(t *testing.T, program Program, opts Options, runs int) int {
	f := follower{t: t, steps: map[uint64]string{}, next: map[choice]uint64{}, rng: rand.New(rand.NewPCG(uint64(opts.Faulters), 1))}
	for range runs {
		f.run(program, opts)
	}
	return f.met
}

type follower struct {
	t     *testing.T
	rng   *rand.Rand
	steps map[uint64]string // next steps of the tasks in each state, or the outcome
	next  map[choice]uint64 // successor states
	met   int               // number of visits to a known state

	followed *Run // nil during the setup of the machine
	pct      *pct
	last     choice
	walked   Schedule
}

// choice is a transition: a state, and the task or store buffer that takes a step in it.
type choice struct {
	state uint64
	task  string
}

func (f *follower) run(program Program, opts Options) {
	factory := newFactory()
	defer factory.close()
	f.followed, f.pct, f.walked, f.last = nil, newPCT(f.rng, 1+f.rng.IntN(12), 150), nil, choice{}
	r, err := program.newRun(factory, pickFunc(f.pick), &opts)
	require.NoError(f.t, err)
	r.enableFingerprints(symmetryGroup(Distinct, opts.Faulters))
	r.host.start()
	f.followed = r
	if r.exec.Settle() == nil {
		err := r.check()
		f.arrive(fmt.Sprint(r.Outcome(), err))
	}
	r.discard()
}

func (f *follower) pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if f.followed == nil {
		return enabled[0]
	}
	var steps strings.Builder
	for _, e := range enabled {
		s := e.Next()
		fmt.Fprintf(&steps, "%s: %s %s; ", e.Name(), s.Op, f.followed.exec.ObjectName(s.Obj))
	}
	f.arrive(steps.String())
	chosen := f.pct.pick(enabled)
	f.last.task = chosen.Name()
	f.walked = append(f.walked, chosen.Name())
	f.followed.host.observe(chosen)
	return chosen
}

// arrive records the current state and the next steps, and compares both with earlier
// visits.
func (f *follower) arrive(steps string) {
	state := f.followed.fingerprints(nil)[0]
	if before, known := f.steps[state]; known {
		f.met++
		require.Equal(f.t, before, steps, "the same state, but not the same steps, after %v", f.walked)
	}
	f.steps[state] = steps
	if f.last.task != "" {
		if before, known := f.next[f.last]; known {
			require.Equal(f.t, before, state, "the same step from the same state leads elsewhere: %v", f.walked)
		}
		f.next[f.last] = state
	}
	f.last = choice{state: state}
}
