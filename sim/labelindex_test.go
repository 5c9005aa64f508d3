package sim

import (
	"fmt"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// pair is a structure with two words.
type pair struct {
	_    [5]uint64
	a, b Word
}

func TestLabelsOfManyStructures(t *testing.T) {
	for _, weakly := range []bool{false, true} {
		c := NewControlled(NewRandom(1))
		c.NoFingerprints = weakly
		pairs := make([]*pair, 3*maxChunk)
		for i := range pairs {
			pairs[i] = new(pair)
			LabelIn(c, pairs[i], fmt.Sprint("pair ", i), uint64(i))
		}
		require.Equal(t, len(pairs), c.labels.count)
		for i, p := range pairs {
			require.Equal(t, fmt.Sprintf("pair %d.b", i), c.ObjectName(unsafe.Pointer(&p.b)))
		}
		LabelIn(c, pairs[7], "renamed", 7)
		require.Equal(t, len(pairs), c.labels.count)
		require.Equal(t, "renamed.a", c.ObjectName(unsafe.Pointer(&pairs[7].a)))
		count := 0
		for range c.labels.all() {
			count++
		}
		require.Equal(t, len(pairs), count)
		runtime.KeepAlive(pairs)
	}
}

// A label that belongs to an owner is unique among those of the owner, and permuted with
// it.
func TestLabelsOfOwners(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.CheckLabels = true
	owners, parts := [2]*pair{new(pair), new(pair)}, [2]*pair{new(pair), new(pair)}
	for i := range owners {
		LabelIn(c, owners[i], "owner", uint64(i))
		LabelOfIn(c, parts[i], owners[i], "part", 1)
	}
	require.NoError(t, c.Settle())
	c.Fingerprint(Permutation{}, Permutation{Label: func(name string, n uint64) (string, uint64) {
		if name == "owner" {
			n = 1 - n
		}
		return name, n
	}})
	id := func(part, permutation int) ObjectID {
		id, _, ok := c.ID(unsafe.Pointer(&parts[part].a), permutation)
		require.True(t, ok)
		return id
	}
	require.NotEqual(t, id(0, 0), id(1, 0))
	require.Equal(t, id(0, 0), id(1, 1))
	require.Equal(t, id(1, 0), id(0, 1))
}

// CheckLabels reports a label that a live structure has already, and none of one that was
// freed, or whose memory was reused.
func TestCheckLabels(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first func(t *Task, p *pair)
		want  string
	}{
		{"live", func(*Task, *pair) {}, `two live structures have the label "pair", 0x1: a sim.pair and a sim.pair`},
		{"freed", func(t *Task, p *pair) { Kfree(t, p) }, ""},
		{"reused", func(t *Task, p *pair) { Label(t, p, "other", 2) }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := NewControlled(NewRandom(1))
			c.CheckLabels = true
			c.Go("t", nil, func(t *Task) {
				first, second := new(pair), new(pair)
				Label(t, first, "pair", 1)
				tc.first(t, first)
				Label(t, second, "pair", 1)
				runtime.KeepAlive(first)
			})
			err := c.Settle()
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

// Without fingerprints the executor keeps neither structures that no task can reach nor
// their labels.
func TestLabelsOfLostStructures(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.NoFingerprints = true
	kept := new(pair)
	LabelIn(c, kept, "kept", 0)
	most := 0
	for i := range 100 * minLimit {
		LabelIn(c, new(pair), "lost", uint64(i))
		if i%minLimit == 0 {
			runtime.GC()
		}
		most = max(most, c.labels.count)
	}
	require.LessOrEqual(t, most, 4*minLimit)
	require.Equal(t, "kept.a", c.ObjectName(unsafe.Pointer(&kept.a)))
}

// A use of freed memory is found however long ago it was freed, since whoever can use
// it can reach it.
func TestUseAfterFreeWithoutFingerprints(t *testing.T) {
	c := NewControlled(NewRandom(1))
	c.NoFingerprints = true
	defer c.Stop()
	freed := new(pair)
	LabelIn(c, freed, "freed", 0)
	c.Go("frees", nil, func(t *Task) { Kfree(t, freed) })
	require.NoError(t, c.Settle())
	for i := range 4 * minLimit {
		LabelIn(c, new(pair), "other", uint64(i))
		if i%minLimit == 0 {
			runtime.GC()
		}
	}
	c.Go("uses", nil, func(t *Task) { freed.b.Load(t) })
	require.ErrorContains(t, c.Settle(), "freed.b has been freed")
}
