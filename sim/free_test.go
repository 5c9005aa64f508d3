package sim

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Tasks wake one another in chains. Settle must not return before every chain has ended.
// The test reads plain memory that the chains wrote: under -race this also checks that
// Settle synchronises with them.
func TestSettleWaitsForChains(t *testing.T) {
	for _, tc := range []struct{ tasks, hops, rounds int }{
		{2, 50, 300}, {3, 7, 1000}, {16, 40, 200}, {2001, 2000, 20},
	} {
		t.Run(fmt.Sprint(tc.tasks), func(t *testing.T) {
			f := &remembering{Free: new(Free)}
			defer f.drain()
			hops := 0           // accessed by the holder of the token only
			left := new(Word)   // hops left in this chain
			holder := new(Word) // index of the task that has the token, plus one; 0 if none
			ring := make([]*Task, tc.tasks)
			started := make(chan struct{})
			for i := range ring {
				ring[i] = f.Go(fmt.Sprint(i), nil, func(t *Task) {
					<-started
					for !t.FatalSignalPending() {
						t.SetState(Killable)
						if holder.Load(t) == uint64(i+1) {
							runtime.Gosched() // the state is set, but the task still runs
							hops++
							next := (i + len(ring)/2 + 1) % len(ring) // far away
							if left.Dec(t) == 0 {
								holder.Store(t, 0)
							} else {
								holder.Store(t, uint64(next+1))
								t.WakeUpState(ring[next], Normal)
							}
						}
						t.Schedule()
					}
				})
			}
			close(started)
			settle(t, f)
			boot := f.Attach("boot", nil)
			for round := 1; round <= tc.rounds; round++ {
				first := round % len(ring)
				left.Init(uint64(tc.hops))
				holder.Store(boot, uint64(first+1))
				boot.WakeUpState(ring[first], Normal)
				settle(t, f)
				require.Equal(t, round*tc.hops, hops)
				for _, task := range ring {
					if !task.Asleep() {
						t.Fatal(task.Name())
					}
				}
			}
			for _, task := range ring {
				task.Interrupt(SignalFatal)
			}
			f.Wait()
		})
	}
}

// A task that has set its state but not called Schedule still runs: Settle waits for it.
func TestSleepStateIsNotAsleep(t *testing.T) {
	for range 200 {
		f := &remembering{Free: new(Free)}
		done := false
		task := f.Go("task", nil, func(t *Task) {
			t.SetState(Killable)
			for range 50 {
				runtime.Gosched()
			}
			done = true
			t.Schedule()
		})
		settle(t, f)
		require.True(t, task.Asleep())
		require.True(t, done)
		f.drain()
	}
}

// Settle waits for chains of tasks that create the next task and end.
func TestSettleWaitsForNewTasks(t *testing.T) {
	var f Free
	for range 300 {
		born := make([]int, 64) // each element written by the task of that number
		var grow func(n int) func(*Task)
		grow = func(n int) func(*Task) {
			return func(*Task) {
				born[n]++
				for _, child := range []int{2 * n, 2*n + 1} {
					if child < len(born) {
						f.Go("child", nil, grow(child))
					}
				}
			}
		}
		f.Go("root", nil, grow(1))
		settle(t, &f)
		for n := 1; n < len(born); n++ {
			require.Equal(t, 1, born[n])
		}
	}
	settle(t, &f)
	require.Zero(t, f.started.awake.Load())
}

func TestThousandsOfTasks(t *testing.T) {
	const n = 5000
	var f Free
	var q WaitQueueHead
	q.Init(queueClass)
	var gate, through Word
	for range n {
		f.Go("task", nil, func(t *Task) {
			entry := WaitQueueEntry{Task: t, Func: DefaultWakeFunction}
			q.Lock.Lock(t)
			q.Add(t, &entry)
			q.Lock.Unlock(t)
			sleepUntil(t, func() bool { return gate.Load(t) == 1 })
			q.Lock.Lock(t)
			q.Del(t, &entry)
			q.Lock.Unlock(t)
			through.Inc(t)
		})
	}
	settle(t, &f)
	require.Equal(t, n, q.Len())
	f.Go("waker", nil, func(t *Task) {
		gate.Store(t, 1)
		q.WakeUpKey(t, Normal, Key{})
	})
	f.Wait()
	require.EqualValues(t, n, through.Peek())
	settle(t, &f)
	require.Zero(t, f.started.awake.Load())
}

// A test that calls FailNow in a task ends the task by runtime.Goexit.
func TestFreeGoexit(t *testing.T) {
	var f Free
	task := f.Go("task", nil, func(*Task) { runtime.Goexit() })
	settle(t, &f)
	f.Wait()
	require.Equal(t, Dead, task.State())
	require.False(t, task.Asleep())
}

// Wakers and signals race with a sleeper. Every wake-up after the sleeper has set its
// state ends the sleep.
func TestParkUnparkStress(t *testing.T) {
	const rounds = 20_000
	var f Free
	var posted, taken Word
	sleeper := f.Go("sleeper", nil, func(t *Task) {
		for taken.Peek() < rounds {
			sleepUntil(t, func() bool { return posted.Load(t) > taken.Peek() })
			taken.Init(posted.Load(t))
		}
	})
	for _, name := range []string{"poster", "stray"} {
		f.Go(name, nil, func(t *Task) {
			for range rounds {
				if name == "poster" {
					posted.Inc(t)
				}
				t.WakeUpState(sleeper, Normal)
			}
		})
	}
	f.Wait()
	require.EqualValues(t, rounds, taken.Peek())
}
