package explore

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// pathOf returns the edges of a task that takes the steps one after the other.
func pathOf(task int, steps ...pointKey) (edges []edgeRecord) {
	var from []pointKey
	for i, to := range steps {
		to.Task, to.Steps = task, i
		edges = append(edges, edgeRecord{From: from, To: []pointKey{to}})
		from = edges[i].To
	}
	return edges
}

// An edge that contradicts a negative answer about a point before it makes the pass
// wrong.
func TestNewEdgesInvalidateAssumptions(t *testing.T) {
	const word, structure = 7, 8
	for _, tc := range []struct {
		about string
		asked query
		found sim.Op
	}{
		{"a store", query{kind: mayConflict, step: sim.OpLoad}, sim.OpStore},
		{"a free", query{kind: mayConflict, step: sim.OpLoad}, sim.OpFree},
		{"a step on a structure", query{kind: mayConflict, step: sim.OpFree}, sim.OpLoad},
		{"a load of a count", query{kind: mayAccess, step: sim.OpGet}, sim.OpLoad},
		{"a wake-up", query{kind: mayWake}, sim.OpWake},
		{"a put", query{kind: mayPut}, sim.OpPut},
	} {
		g := newFlowGraph([][]int{{0}})
		path := pathOf(0, pointKey{Op: sim.OpStart}, pointKey{Op: sim.OpLoad, Obj: 1, In: 2}, pointKey{Op: tc.found, Obj: word, In: structure})
		made := newAssumptions()
		_, wrong := g.addEdges(path[:2], []*assumptions{made})
		require.False(t, wrong, tc.about)
		start := g.points[path[0].To[0]]
		tc.asked.point, tc.asked.obj, tc.asked.in = int32(start.index), g.numberOf(word), g.numberOf(structure)
		require.False(t, start.effects.answer(tc.asked), tc.about)
		made.add(tc.asked)
		_, wrong = g.addEdges(path[2:], []*assumptions{made})
		require.True(t, wrong, tc.about)
	}
}

// A signal may end the sleeps of a task that were found before it.
func TestSleepsBeforeASignalIsFound(t *testing.T) {
	const task, signals = 7, 8
	g := newFlowGraph([][]int{{0, 1}})
	sleep := pathOf(0, pointKey{Op: sim.OpStart}, pointKey{Op: sim.OpSchedule, Obj: task, In: task})
	_, _ = g.addEdges(sleep, nil)
	woken := query{kind: mayConflict, step: sim.OpWake, obj: g.numberOf(task), in: g.numberOf(task)}
	start := g.points[sleep[0].To[0]]
	require.False(t, start.effects.answer(woken))
	_, _ = g.addEdges(pathOf(1, pointKey{Op: sim.OpStart}, pointKey{Op: sim.OpSignal, Obj: signals, In: task}), nil)
	require.True(t, start.effects.answer(woken))
}

// A lock for which lock sets have no room excludes nothing.
func TestLockSetsHaveRoomFor64(t *testing.T) {
	g, all := newFlowGraph([][]int{{0}}), lockSet(0)
	for i := range 64 {
		b := g.lockBit(lockKey{objectKey(i), 'x'})
		require.Zero(t, all&b)
		all |= b
	}
	require.Equal(t, ^lockSet(0), all)
	require.Zero(t, g.lockBit(lockKey{64, 'x'}))
	require.Equal(t, lockSet(1), g.lockBit(lockKey{0, 'x'}))
}
