package sim

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader never accepts data from the middle of a change, in any interleaving, with
// store buffers or without.
func TestSeqCountHidesTheMiddle(t *testing.T) {
	program := func(c *Controlled, r []uint64) {
		var count SeqCount
		var x, y Word
		c.Go("writer", nil, func(t *Task) {
			for range 2 {
				count.WriteBegin(t)
				x.Store(t, x.Peek()+1)
				y.Store(t, y.Peek()+1)
				count.WriteEnd(t)
			}
		})
		c.Go("reader", nil, func(t *Task) {
			for {
				seq := count.ReadBegin(t)
				r[0], r[1] = x.Load(t), y.Load(t)
				if !count.ReadRetry(t, seq) {
					return
				}
			}
		})
	}
	require.Equal(t, "0 0, 1 1, 2 2", litmus(t, false, 2, program))
	require.Equal(t, "0 0, 1 1, 2 2", litmus(t, true, 2, program))
}

func TestSeqCountFree(t *testing.T) {
	f := &Free{}
	var count SeqCount
	var x, y Word
	f.Go("writer", nil, func(t *Task) {
		for range 1000 {
			count.WriteBegin(t)
			x.Store(t, x.Peek()+1)
			y.Store(t, y.Peek()+1)
			count.WriteEnd(t)
		}
	})
	torn := 0
	f.Go("reader", nil, func(t *Task) {
		for range 1000 {
			seq := count.ReadBegin(t)
			a, b := x.Load(t), y.Load(t)
			if !count.ReadRetry(t, seq) && a != b {
				torn++
			}
		}
	})
	f.Wait()
	require.Zero(t, torn)
}
