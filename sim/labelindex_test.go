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
