package lts_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/sim"
)

// A task that depends on data that package sim does not know of is found.
func TestHiddenData(t *testing.T) {
	for name, read := range map[string]func(t *sim.Task, w *sim.Word, hidden *uint64) uint64{
		"a variable": func(_ *sim.Task, _ *sim.Word, hidden *uint64) uint64 { return *hidden },
		"a word":     func(_ *sim.Task, w *sim.Word, _ *uint64) uint64 { return w.Peek() },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := explore.Search(&explore.Standalone{Name: "hidden", Tasks: func(r *explore.Run) {
				s := &struct{ word, other sim.Word }{}
				explore.Label(r, s, "shared", 0)
				hidden := new(uint64)
				r.Go("writer", func(t *sim.Task) string {
					s.word.Store(t, 1)
					*hidden = 1
					return ""
				})
				r.Go("reader", func(t *sim.Task) string {
					s.other.Load(t)
					if read(t, &s.word, hidden) == 1 {
						s.other.Store(t, 1)
					}
					return ""
				})
			}}, explore.Options{})
			require.ErrorContains(t, err, "explore: task reader: ")
		})
	}
}

// The same program, if the task reads the word by a call that is recorded.
func TestReadWithoutAStep(t *testing.T) {
	r, err := explore.Search(&explore.Standalone{Name: "held", Tasks: func(r *explore.Run) {
		s := &struct{ word, other sim.Word }{}
		explore.Label(r, s, "shared", 0)
		r.Go("writer", func(t *sim.Task) string { s.word.Store(t, 1); return "" })
		r.Go("reader", func(t *sim.Task) string {
			s.other.Load(t)
			if s.word.PeekHeld(t) == 1 {
				s.other.Store(t, 1)
				return "saw"
			}
			return "missed"
		})
	}}, explore.Options{})
	require.NoError(t, err)
	require.True(t, r.Covered)
}
