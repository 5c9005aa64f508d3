package explore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// peterson is Peterson's lock for two tasks. fenced orders each task's stores before its
// loads, which a processor with store buffers does not do by itself.
func peterson(fenced bool) *Standalone {
	return &Standalone{Name: "peterson", Tasks: func(r *Run) {
		s := &struct {
			wants        [2]sim.Word
			turn, inside sim.Word
		}{}
		Label(r, s, "lock", 0)
		for i := range 2 {
			r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string {
				s.wants[i].Store(t, 1)
				s.turn.Store(t, uint64(1-i))
				if fenced {
					t.SmpMb()
				}
				for s.wants[1-i].Load(t) == 1 && s.turn.Load(t) == uint64(1-i) {
					r.At(t, "spins")
				}
				alone := s.inside.Load(t) == 0
				s.inside.Store(t, 1)
				s.inside.Store(t, 0)
				s.wants[i].Store(t, 0)
				if !alone {
					return "together"
				}
				return "alone"
			})
		}
	}}
}

// A program without a machine is explored like a setup: reduced, plain, at random, with
// and without store buffers.
func TestStandalone(t *testing.T) {
	for _, tc := range []struct {
		fenced, tso, alone bool
	}{{false, false, true}, {false, true, false}, {true, true, true}} {
		program, opts := peterson(tc.fenced), Options{TSO: tc.tso}
		r, err := Search(program, opts)
		require.NoError(t, err)
		require.True(t, r.Covered)
		require.Nil(t, r.Failure)
		require.Equal(t, tc.alone, len(r.Outcomes) == 1, "%+v: %v", tc, r.Outcomes)
		require.Contains(t, r.Outcomes, "t1=alone t2=alone")
		power, err := Interleavings(program, opts, 10, 1)
		require.NoError(t, err)
		require.Greater(t, power, 1.0)
	}
}

// A task of a program without a machine that sleeps forever is a failure, whose schedule
// can be drawn and replayed.
func TestStandaloneFails(t *testing.T) {
	program := &Standalone{Name: "lost", Tasks: func(r *Run) {
		s := &struct{ ready sim.Word }{}
		Label(r, s, "s", 0)
		waiter := r.Go("waiter", func(t *sim.Task) string {
			if s.ready.Load(t) == 0 {
				t.SetState(sim.Interruptible) // too late
				t.Schedule()
			}
			return ""
		})
		r.Go("waker", func(t *sim.Task) string {
			s.ready.Store(t, 1)
			t.WakeUpState(waiter.Sim(), sim.Normal)
			return ""
		})
		r.AtEnd(func() error {
			if s.ready.Peek() != 1 {
				return fmt.Errorf("not ready")
			}
			return nil
		})
	}}
	r, err := Counterexample(program, Options{})
	require.NoError(t, err)
	require.ErrorContains(t, r.Failure.Err, "lost wake-up: waiter is asleep forever (TASK_INTERRUPTIBLE)")
	rows, failure, err := Rows(program, Options{}, r.Failure.Schedule)
	require.NoError(t, err)
	require.Equal(t, r.Failure.Err, failure)
	require.Contains(t, fmt.Sprint(rows), "load s.ready")
	_, failure, err = Replay(program, Options{}, r.Failure.Schedule, nil)
	require.NoError(t, err)
	require.Equal(t, r.Failure.Err, failure)
	sampled, err := Sample(program, Options{}, 1, 3)
	require.NoError(t, err)
	require.NotNil(t, sampled.Failure)
}
