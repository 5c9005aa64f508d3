package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	outerClass = &LockClass{Name: "outer", Rank: 1}
	innerClass = &LockClass{Name: "inner", Rank: 2}
	semClass   = &LockClass{Name: "sem", Rank: 0}
	lateClass  = &LockClass{Name: "late sem", Rank: 9}
)

// misuses returns uses of locks, forbidden and allowed ones. Both executors that check
// locks run them: the controlled one in this file, the free one with -tags lockcheck.
func misuses() []misuse {
	var (
		outer, outer2, inner SpinLock
		sem, sem2, late      RWSem
	)
	outer.Init(outerClass)
	outer2.Init(outerClass)
	inner.Init(innerClass)
	sem.Init(semClass)
	sem2.Init(semClass)
	late.Init(lateClass)
	return []misuse{
		{"rising rank", "", func(t *Task) {
			sem.DownRead(t)
			outer.Lock(t)
			inner.Lock(t)
			outer.AssertHeld(t)
			inner.AssertHeld(t)
			sem.AssertHeld(t)
			outer.Unlock(t) // locks may be released in any order
			inner.Unlock(t)
			sem.UpRead(t)
			sem.DownWrite(t)
			sem.AssertHeld(t)
			sem.AssertHeldWrite(t)
			sem.UpWrite(t)
		}},
		{"nested", "", func(t *Task) {
			outer.Lock(t)
			outer2.LockNested(t)
			outer2.Unlock(t)
			outer.Unlock(t)
			sem.DownWrite(t)
			sem2.DownWriteNested(t)
			sem2.UpWrite(t)
			sem.UpWrite(t)
		}},
		{"spinlock taken twice", BugLock, func(t *Task) { outer.Lock(t); outer.Lock(t) }},
		{"spinlock taken twice as nested", BugLock, func(t *Task) { outer.Lock(t); outer.LockNested(t) }},
		{"semaphore read twice", BugLock, func(t *Task) { sem.DownRead(t); sem.DownRead(t) }},
		{"semaphore upgraded", BugLock, func(t *Task) { sem.DownRead(t); sem.DownWriteNested(t) }},
		{"spinlock not held", BugLock, func(t *Task) { outer.Unlock(t) }},
		{"semaphore not held", BugLock, func(t *Task) { sem.UpRead(t) }},
		{"writer releases as reader", BugLock, func(t *Task) { sem.DownWrite(t); sem.UpRead(t) }},
		{"reader releases as writer", BugLock, func(t *Task) { sem.DownRead(t); sem.UpWrite(t) }},
		{"AssertHeld", BugLock, func(t *Task) { outer.Lock(t); inner.AssertHeld(t) }},
		{"AssertHeld of a semaphore", BugLock, func(t *Task) { sem.AssertHeld(t) }},
		{"AssertHeldWrite of a reader", BugLock, func(t *Task) { sem.DownRead(t); sem.AssertHeldWrite(t) }},
		{"falling rank", BugLockOrder, func(t *Task) { inner.Lock(t); outer.Lock(t) }},
		{"falling rank as nested", BugLockOrder, func(t *Task) { inner.Lock(t); outer.LockNested(t) }},
		{"same rank", BugLockOrder, func(t *Task) { outer.Lock(t); outer2.Lock(t) }},
		{"semaphore below spinlock", BugLockOrder, func(t *Task) { outer.Lock(t); sem.DownRead(t) }},
		{"same rank of semaphores", BugLockOrder, func(t *Task) { sem.DownRead(t); sem2.DownWrite(t) }},
		{"down under spinlock", BugAtomicSleep, func(t *Task) { outer.Lock(t); late.DownRead(t) }},
		{"schedule under spinlock", BugAtomicSleep, func(t *Task) {
			outer.Lock(t)
			t.SetState(Killable)
			t.Schedule()
		}},
		{"schedule as runnable under spinlock", BugAtomicSleep, func(t *Task) { outer.Lock(t); t.Schedule() }},
		{"BUG_ON", BugAssert, func(t *Task) { BugOn(t, true, "here", "that") }},
	}
}

type misuse struct {
	name string
	kind BugKind // "" if the use is allowed
	do   func(t *Task)
}

func TestLockMisuse(t *testing.T) {
	for i := range misuses() {
		m := misuses()[i] // with locks of its own
		t.Run(m.name, func(t *testing.T) {
			c := NewControlled(NewRandom(1))
			c.Go("culprit", nil, m.do)
			err := c.Settle()
			require.Equal(t, m.kind, bugKind(err), "%v", err)
			if err != nil {
				require.Contains(t, err.Error(), "(task culprit)")
			}
		})
	}
}

func TestReleasedByStranger(t *testing.T) {
	c := NewControlled(stay{})
	var l SpinLock
	l.Init(outerClass)
	owner := c.Go("owner", nil, func(t *Task) { l.Lock(t) })
	c.Go("stranger", nil, func(t *Task) { l.Unlock(t) })
	err := c.Settle()
	require.EqualError(t, err, "lock misuse in outer: released by a task that does not hold it (task stranger)")
	require.Equal(t, owner, l.owner)
}

func TestIsLocked(t *testing.T) {
	onBoth(t, func(t *testing.T, e Executor) {
		var l SpinLock
		l.Init(outerClass)
		var seen []bool
		e.Go("task", nil, func(t *Task) {
			seen = append(seen, l.IsLocked(t))
			l.Lock(t)
			seen = append(seen, l.IsLocked(t))
			l.Unlock(t)
			seen = append(seen, l.IsLocked(t))
			l.Bare(t)
			l.EndBare(t)
		})
		settle(t, e)
		require.Equal(t, []bool{false, true, false}, seen)
	})
}

// everywhere runs a set-up on the free executor and, with many seeds, on the controlled
// one. It calls check when all tasks have ended.
func everywhere(t *testing.T, setup func(e Executor) (check func(t require.TestingT))) {
	t.Run("free", func(t *testing.T) {
		var f Free
		check := setup(&f)
		f.Wait()
		check(t)
	})
	t.Run("controlled", func(t *testing.T) {
		for seed := range uint64(300) {
			c := NewControlled(NewRandom(seed))
			check := setup(c)
			settle(t, c)
			check(t)
		}
	})
}

func TestSpinLockExcludes(t *testing.T) {
	everywhere(t, func(e Executor) func(require.TestingT) {
		var l SpinLock
		l.Init(outerClass)
		var pause Word
		inside, overlaps, sum := 0, 0, 0
		for i := range 4 {
			e.Go(fmt.Sprint(i), nil, func(t *Task) {
				for range 5 {
					l.Lock(t)
					inside++
					pause.Load(t)
					if inside != 1 {
						overlaps++
					}
					sum++
					inside--
					l.Unlock(t)
				}
			})
		}
		return func(t require.TestingT) {
			require.Zero(t, overlaps)
			require.Equal(t, 20, sum)
		}
	})
}

func TestRWSemExcludes(t *testing.T) {
	everywhere(t, func(e Executor) func(require.TestingT) {
		var s RWSem
		s.Init(semClass)
		var pause, readers, writers, overlaps Word
		value := 0 // protected by s, which the race detector checks
		for i := range 3 {
			e.Go(fmt.Sprint("writer", i), nil, func(t *Task) {
				for range 3 {
					s.DownWrite(t)
					value++
					if writers.Tick(1) != 1 || readers.Peek() != 0 {
						overlaps.Tick(1)
					}
					pause.Load(t)
					writers.Tick(^uint64(0))
					s.UpWrite(t)
				}
			})
			e.Go(fmt.Sprint("reader", i), nil, func(t *Task) {
				for range 3 {
					s.DownRead(t)
					before := value
					readers.Tick(1)
					pause.Load(t)
					if writers.Peek() != 0 || value != before {
						overlaps.Tick(1)
					}
					readers.Tick(^uint64(0))
					s.UpRead(t)
				}
			})
		}
		return func(t require.TestingT) {
			require.Zero(t, overlaps.Peek())
			require.Equal(t, 9, value)
		}
	})
}

// The tasks queue for the semaphore in the order of the script. After that the seed
// decides, which must not affect the order in which the semaphore is granted.
func TestRWSemIsFair(t *testing.T) {
	for _, tc := range []struct {
		name   string
		arrive string   // a digit each: even numbers write, odd ones read
		groups []string // the tasks that hold the semaphore together, in order
	}{
		{"first come, first served", "0246", []string{"0", "2", "4", "6"}},
		{"a waiting writer keeps later readers out", "1235", []string{"1", "2", "35"}},
		{"leading readers are granted together", "01354", []string{"0", "135", "4"}},
		{"readers behind a writer wait for it", "013257", []string{"0", "13", "2", "57"}},
		{"readers share", "1357", []string{"1357"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			most := map[string]int{} // by task: the largest number of holders at the same time, itself included
			for seed := range uint64(200) {
				var s RWSem
				s.Init(semClass)
				var pause Word
				holding := map[string]bool{}
				var order []string
				plan := &script{then: NewRandom(seed)}
				c := NewControlled(plan)
				for _, digit := range tc.arrive {
					name := string(digit)
					write := (digit-'0')%2 == 0
					plan.names = append(plan.names, name, name) // start, down
					c.Go(name, nil, func(t *Task) {
						s.down(t, write, false)
						order = append(order, name)
						holding[name] = true
						for other := range holding {
							most[other] = max(most[other], len(holding))
						}
						pause.Load(t)
						delete(holding, name)
						s.up(t, write)
					})
				}
				settle(t, c)
				for at, group := 0, 0; group < len(tc.groups); group++ {
					members := tc.groups[group]
					require.ElementsMatch(t, []byte(members), []byte(joined(order[at:at+len(members)])))
					at += len(members)
				}
			}
			for _, members := range tc.groups {
				for _, m := range members {
					require.Equal(t, len(members), most[string(m)], "task %c", m)
				}
			}
		})
	}
}

// On the free executor, too, a waiting writer blocks later readers.
func TestFreeRWSemWriterFirst(t *testing.T) {
	var f Free
	var s RWSem
	s.Init(semClass)
	first := f.Attach("first", nil)
	s.DownRead(first)
	f.Go("writer", nil, func(t *Task) { s.DownWrite(t); s.UpWrite(t) })
	require.Eventually(t, func() bool {
		if s.mu.TryRLock() {
			s.mu.RUnlock()
			return false
		}
		return true
	}, waitLong, tick)
	s.UpRead(first)
	f.Wait()
}
