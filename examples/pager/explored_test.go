package pager_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/examples/pager"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
)

// snapshot is the memory to restore: a page of a and a page of b.
var snapshot = &pager.Snapshot{
	Start: explore.Arena,
	Pages: slices.Concat(bytes.Repeat([]byte{'a'}, pager.PageSize), bytes.Repeat([]byte{'b'}, pager.PageSize)),
}

// restore returns the setup: virtual processors touch the second page, while one task
// serves their faults and another one prefetches.
func restore(vcpus int, uffd func(w *explore.World, t *machine.Task) pager.Uffd) *explore.Setup {
	want := ""
	for i := range vcpus {
		want += fmt.Sprintf("vcpu%d=b ", i)
	}
	want += "server=asleep prefetcher=<nil>"
	return &explore.Setup{
		Name: "restore",
		Tasks: func(w *explore.World) {
			for i := range vcpus {
				w.Go(fmt.Sprint("vcpu", i), func(t *machine.Task) string {
					b := make([]byte, 1)
					if outcome, _ := t.Load(snapshot.Start+pager.PageSize, b); outcome != mm.Done {
						return outcome.String() // the signal
					}
					return string(b)
				})
			}
			w.Go("server", func(t *machine.Task) string {
				return fmt.Sprint(snapshot.Serve(uffd(w, t)))
			}).Sleeper = true // it still waits for faults at the end
			w.Go("prefetcher", func(t *machine.Task) string {
				return fmt.Sprint(snapshot.Prefetch(uffd(w, t)))
			})
		},
		Check: func(w *explore.World) error {
			if got := w.Outcome(); got != want {
				return fmt.Errorf("it ended with %s, not with %s", got, want)
			}
			return nil
		},
	}
}

func onModel(w *explore.World, t *machine.Task) pager.Uffd { return model{t, w.Fd} }

var options = explore.Options{Version: "6.18"} // the kernel to model

// story describes a failed run: the failure, the outcome of each task, and the schedule.
func story(setup *explore.Setup, f *explore.Failure) string {
	outcome, _, _ := explore.Replay(setup, options, f.Schedule, nil)
	return fmt.Sprintf("%v\n%s\n%v", f.Err, outcome, f.Schedule)
}

// A small case works in every interleaving.
func TestEveryInterleaving(t *testing.T) {
	setup := restore(1, onModel)
	r, err := explore.Search(setup, options)
	require.NoError(t, err)
	if r.Failure != nil {
		t.Fatal(story(setup, r.Failure))
	}
	require.True(t, r.Covered)
}

// A larger case works in random interleavings.
func TestInterleavingsByChance(t *testing.T) {
	setup, opts := restore(3, onModel), options
	opts.Budget = time.Second
	r, err := explore.Sample(setup, opts, 1, 3)
	require.NoError(t, err)
	if r.Failure != nil {
		t.Fatal(story(setup, explore.Shrink(setup, options, r.Failure)))
	}
}

// deaf ignores Wake. It stands for a pager that does not wake if the page is already
// present.
type deaf struct{ pager.Uffd }

func (deaf) Wake(addr, length uint64) error { return nil }

// A pager that does not wake leaves a processor asleep.
func TestWithoutTheWake(t *testing.T) {
	setup := restore(1, func(w *explore.World, t *machine.Task) pager.Uffd { return deaf{onModel(w, t)} })
	r, err := explore.Counterexample(setup, options)
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	told := story(setup, r.Failure)
	require.Contains(t, told, "lost wake-up: vcpu0 is asleep forever")
	require.Contains(t, told, "vcpu0=asleep server=asleep prefetcher=<nil>")

	rows, _, err := explore.Rows(setup, options, r.Failure.Schedule)
	require.NoError(t, err)
	var picture bytes.Buffer
	explore.Diagram(&picture, rows)
	t.Logf("%s\n%s", told, &picture)
}
