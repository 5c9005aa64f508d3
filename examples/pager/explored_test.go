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

// snapshot is what the memory is to hold: a page of a and a page of b.
var snapshot = &pager.Snapshot{
	Start: explore.Arena,
	Pages: slices.Concat(bytes.Repeat([]byte{'a'}, pager.PageSize), bytes.Repeat([]byte{'b'}, pager.PageSize)),
}

// restore is the pager at work: virtual processors touch the second page while one task serves their faults
// and another one prefetches.
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
						return outcome.String() // the signal that it got
					}
					return string(b)
				})
			}
			w.Go("server", func(t *machine.Task) string {
				return fmt.Sprint(snapshot.Serve(uffd(w, t)))
			}).Sleeper = true // it waits for faults to the end
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

var options = explore.Options{Version: "6.18"} // the kernel's

// A small case, in every interleaving.
func TestEveryInterleaving(t *testing.T) {
	r, err := explore.Search(restore(1, onModel), options)
	require.NoError(t, err)
	require.Nil(t, r.Failure)
	require.True(t, r.Covered)
}

// A larger one, as chance will have it.
func TestInterleavingsByChance(t *testing.T) {
	r, err := explore.Sample(restore(3, onModel), explore.Options{Version: "6.18", Budget: time.Second}, 1, 3)
	require.NoError(t, err)
	require.Nil(t, r.Failure)
}

// deaf is a userfaultfd for a pager that thinks it need not wake if the page is there already.
type deaf struct{ pager.Uffd }

func (deaf) Wake(addr, length uint64) error { return nil }

// Such a pager leaves a processor asleep.
func TestWithoutTheWake(t *testing.T) {
	setup := restore(1, func(w *explore.World, t *machine.Task) pager.Uffd { return deaf{onModel(w, t)} })
	opts := explore.Options{Version: "6.18"}
	r, err := explore.Counterexample(setup, opts)
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "lost wake-up: vcpu0 is asleep for ever")

	rows, _, err := explore.Rows(setup, opts, r.Failure.Schedule)
	require.NoError(t, err)
	var picture bytes.Buffer
	explore.Diagram(&picture, rows)
	t.Logf("%v\n%s", r.Failure.Schedule, &picture)
}
