package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// If two tasks compare-and-exchange the same word, exactly one succeeds in every
// interleaving, with store buffers or without. The task that fails sees the earlier
// store.
func TestCmpxchg(t *testing.T) {
	program := func(c *Controlled, r []uint64) {
		var word, before Word
		for i, name := range []string{"a", "b"} {
			c.Go(name, nil, func(t *Task) {
				before.Store(t, 1)
				if word.Cmpxchg(t, 0, uint64(i+1)) {
					r[i] = 1
				} else {
					r[i] = 10 * before.Load(t)
				}
			})
		}
	}
	for _, tso := range []bool{false, true} {
		require.Equal(t, "1 10, 10 1", litmus(t, tso, 2, program), "tso %v", tso)
	}
	f := &Free{}
	var word Word
	var won [64]bool
	for i := range won {
		f.Go("t", nil, func(t *Task) { won[i] = word.Cmpxchg(t, 0, uint64(i+1)) })
	}
	f.Wait()
	for i, w := range won {
		require.Equal(t, word.Peek() == uint64(i+1), w)
	}
}

// The methods of an absent count take no step, and ReadRetry reports false.
func TestSeqCountAbsent(t *testing.T) {
	program := func(c *Controlled, r []uint64) {
		count := SeqCount{Absent: true}
		var x, y Word
		c.Go("writer", nil, func(t *Task) {
			count.WriteBegin(t)
			x.Store(t, 1)
			y.Store(t, 1)
			count.WriteEnd(t)
		})
		c.Go("reader", nil, func(t *Task) {
			seq := count.ReadBegin(t)
			r[0], r[1] = x.Load(t), y.Load(t)
			if count.ReadRetry(t, seq) {
				r[0] = 9
			}
		})
	}
	require.Equal(t, "0 0, 0 1, 1 0, 1 1", litmus(t, false, 2, program))
}

// A store in another task's buffer is not in memory: the exchange does not find it.
func TestCmpxchgFindsMemory(t *testing.T) {
	program := func(c *Controlled, r []uint64) {
		var x, y Word
		c.Go("a", nil, func(t *Task) {
			x.Store(t, 1)
			r[0] = y.Load(t)
		})
		c.Go("b", nil, func(t *Task) {
			y.StoreAtOnce(t, 1)
			if x.Cmpxchg(t, 0, 2) {
				r[1] = 1
			}
		})
	}
	require.Equal(t, "0 0, 1 0, 1 1", litmus(t, false, 2, program))
	require.Equal(t, "0 0, 0 1, 1 0, 1 1", litmus(t, true, 2, program))
}
