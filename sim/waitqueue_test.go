package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var queueClass = &LockClass{Name: "wqh.lock", Rank: 1}

// walked returns the queue from head to tail, after checking that it is the same from
// tail to head.
func walked(t require.TestingT, q *WaitQueueHead) (entries []*WaitQueueEntry) {
	for e := q.Head(); e != nil; e = e.Next() {
		entries = append(entries, e)
	}
	var back []*WaitQueueEntry
	for e := q.Tail(); e != nil; e = e.prev {
		back = append(back, e)
	}
	slices.Reverse(back)
	require.Equal(t, entries, back)
	require.Len(t, entries, q.Len())
	return entries
}

func TestQueueOrder(t *testing.T) {
	task := new(Free).Attach("task", nil)
	var q WaitQueueHead
	q.Init(queueClass)
	var calls []int
	entries := make([]WaitQueueEntry, 4)
	for i := range entries {
		entries[i] = WaitQueueEntry{Task: task, Func: func(_ *Task, e *WaitQueueEntry, mode State, key Key) bool {
			require.Equal(t, &entries[i], e)
			require.Equal(t, Normal, mode)
			require.Equal(t, Key{4096, 8192}, key)
			calls = append(calls, i)
			return i%2 == 0 // the walk continues in either case
		}}
		q.Lock.Lock(task)
		q.Add(task, &entries[i])
		q.Lock.Unlock(task)
	}
	require.Equal(t, &entries[3], q.Head())
	require.Equal(t, &entries[0], q.Tail())
	q.WakeUpKey(task, Normal, Key{4096, 8192})
	require.Equal(t, []int{3, 2, 1, 0}, calls)
}

// A wake function may remove its own entry, at any position in the queue.
func TestRemovalDuringWalk(t *testing.T) {
	for mask := range 1 << 4 {
		task := new(Free).Attach("task", nil)
		var q WaitQueueHead
		q.Init(queueClass)
		entries := make([]WaitQueueEntry, 4)
		calls := 0
		var stay []*WaitQueueEntry
		for i := range entries {
			leaves := mask>>i&1 == 1
			entries[i].Func = func(t *Task, e *WaitQueueEntry, _ State, _ Key) bool {
				calls++
				if leaves {
					q.DelInit(t, e)
				}
				return leaves
			}
			q.Add(task, &entries[i])
			if !leaves {
				stay = append([]*WaitQueueEntry{&entries[i]}, stay...)
			}
		}
		q.WakeUpKey(task, Normal, Key{})
		require.Equal(t, 4, calls)
		require.Equal(t, stay, walked(t, &q))
		require.Equal(t, len(stay) > 0, q.Active(task))
	}
}

func TestListEmptyCareful(t *testing.T) {
	task := new(Free).Attach("task", nil)
	var from, to WaitQueueHead
	from.Init(queueClass)
	to.Init(queueClass)
	var e WaitQueueEntry
	require.True(t, e.ListEmptyCareful(task), "never queued")

	from.Add(task, &e)
	require.True(t, e.Queued())
	require.False(t, e.ListEmptyCareful(task))
	from.Del(task, &e)
	require.False(t, e.Queued())
	require.False(t, e.ListEmptyCareful(task), "list_del does not link it to itself")
	to.Add(task, &e)
	require.False(t, e.ListEmptyCareful(task))
	to.DelInit(task, &e)
	require.True(t, e.ListEmptyCareful(task), "list_del_init links it to itself")

	to.Del(task, &e) // QUEUE-6: after the waker's removal this has no effect
	require.True(t, e.ListEmptyCareful(task))
	require.Zero(t, to.Len())
}

// While an entry moves from one queue to another, its owner, which checks without the
// lock, never sees it as removed.
func TestMovingEntryIsNotRemoved(t *testing.T) {
	everywhere(t, func(e Executor) func(require.TestingT) {
		var from, to WaitQueueHead
		from.Init(queueClass)
		var entry WaitQueueEntry
		from.Add(new(Free).Attach("setup", nil), &entry)
		var fooled Word
		e.Go("mover", nil, func(t *Task) {
			from.Lock.Lock(t)
			from.Del(t, &entry)
			to.Add(t, &entry)
			from.Lock.Unlock(t)
		})
		e.Go("owner", nil, func(t *Task) {
			for range 5 {
				if entry.ListEmptyCareful(t) {
					fooled.Tick(1)
				}
			}
		})
		return func(t require.TestingT) { require.Zero(t, fooled.Peek()) }
	})
}

// Active takes no lock: it returns while another task holds the queue's lock.
func TestActiveWithoutLock(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var q WaitQueueHead
		q.Init(queueClass)
		var answers []bool
		e.Go("holder", nil, func(t *Task) {
			q.Lock.Lock(t)
			looker := e.Go("looker", nil, func(t *Task) {
				answers = append(answers, q.Active(t))
				sleepUntil(t, func() bool { return q.Active(t) })
				answers = append(answers, q.Active(t))
			})
			var entry WaitQueueEntry
			q.Add(t, &entry)
			t.WakeUpState(looker, Normal)
			for looker.State() != Dead {
				t.SmpMb()
			}
			q.DelInit(t, &entry)
			q.Lock.Unlock(t)
		})
		settle(t, e)
		require.Len(t, answers, 2)
		require.True(t, answers[1])
		require.Zero(t, q.Len())
	})
}

// A wake-up of the queue wakes every task that sleeps on it with DefaultWakeFunction.
func TestDefaultWakeFunction(t *testing.T) {
	everywhere(t, func(e Executor) func(require.TestingT) {
		var q WaitQueueHead
		q.Init(queueClass)
		var flag, woken Word
		for _, name := range []string{"a", "b", "c"} {
			e.Go(name, nil, func(t *Task) {
				entry := WaitQueueEntry{Task: t, Func: DefaultWakeFunction}
				q.Lock.Lock(t)
				q.Add(t, &entry)
				q.Lock.Unlock(t)
				sleepUntil(t, func() bool { return flag.Load(t) == 1 })
				q.Lock.Lock(t)
				q.Del(t, &entry)
				q.Lock.Unlock(t)
				woken.Tick(1)
			})
		}
		e.Go("waker", nil, func(t *Task) {
			flag.Store(t, 1)
			q.WakeUpKey(t, Normal, Key{})
		})
		return func(t require.TestingT) {
			require.EqualValues(t, 3, woken.Peek())
			require.Zero(t, q.Len())
		}
	})
}

// TestQueueModel compares random operations on two queues with the same operations on
// slices.
func TestQueueModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		task := new(Free).Attach("task", nil)
		var queues [2]WaitQueueHead
		var model [2][]*WaitQueueEntry
		entries := make([]*WaitQueueEntry, 6)
		selfLinked := map[*WaitQueueEntry]bool{}
		for i := range entries {
			entries[i] = &WaitQueueEntry{Task: task}
			selfLinked[entries[i]] = true
		}
		pick := func() (e *WaitQueueEntry, in int) {
			e = rapid.SampledFrom(entries).Draw(rt, "entry")
			return e, slices.IndexFunc(model[:], func(q []*WaitQueueEntry) bool { return slices.Contains(q, e) })
		}
		take := func(init bool) {
			e, in := pick()
			at := max(in, 0) // removing an entry that is not queued has no effect
			if init {
				queues[at].DelInit(task, e)
			} else {
				queues[at].Del(task, e)
			}
			if in >= 0 {
				model[in] = slices.DeleteFunc(model[in], func(other *WaitQueueEntry) bool { return other == e })
				selfLinked[e] = init
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"add": func(rt *rapid.T) {
				e, in := pick()
				if in >= 0 {
					rt.Skip("queued")
				}
				to := rapid.IntRange(0, 1).Draw(rt, "queue")
				queues[to].Add(task, e)
				model[to] = slices.Insert(model[to], 0, e)
				selfLinked[e] = false
			},
			"del":      func(*rapid.T) { take(false) },
			"del_init": func(*rapid.T) { take(true) },
			"": func(rt *rapid.T) {
				for i := range queues {
					require.True(rt, slices.Equal(model[i], walked(rt, &queues[i])))
					require.Equal(rt, len(model[i]) > 0, queues[i].Active(task))
				}
				for _, e := range entries {
					require.Equal(rt, selfLinked[e], e.ListEmptyCareful(task))
				}
			},
		})
	})
}
