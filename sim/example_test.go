package sim_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// A task sleeps until another one sets a flag. The same code runs on either executor: in
// parallel on goroutines, or one step at a time.
func Example() {
	var flag sim.Word
	program := func(e sim.Executor) error {
		flag.Init(0)
		sleeper := e.Go("sleeper", nil, func(t *sim.Task) {
			for t.SetState(sim.Killable); flag.Load(t) == 0; t.SetState(sim.Killable) {
				t.Schedule()
			}
			t.SetRunning()
			fmt.Println("woken")
		})
		e.Go("waker", nil, func(t *sim.Task) {
			flag.Store(t, 1)
			t.WakeUpState(sleeper, sim.Normal)
		})
		return e.Settle()
	}
	fmt.Println(program(new(sim.Free)))
	fmt.Println(program(sim.NewControlled(sim.NewRandom(1))))
	// Output:
	// woken
	// <nil>
	// woken
	// <nil>
}

// The controlled executor finds the interleaving in which a wake-up is lost: the sleeper
// checks the flag before it sets its state.
func ExampleControlled() {
	for seed := uint64(0); ; seed++ {
		var flag sim.Word
		c := sim.NewControlled(sim.NewRandom(seed))
		sleeper := c.Go("sleeper", nil, func(t *sim.Task) {
			if flag.Load(t) == 0 { // wrong: the waker may run after this check
				t.SetState(sim.Killable)
				t.Schedule()
			}
		})
		c.Go("waker", nil, func(t *sim.Task) {
			flag.Store(t, 1)
			t.WakeUpState(sleeper, sim.Normal)
		})
		if err := c.Settle(); err != nil {
			fmt.Println(err)
		}
		lost := sleeper.Asleep()
		c.Stop()
		if lost {
			fmt.Println("the flag is", flag.Peek(), "and the sleeper sleeps forever")
			return
		}
	}
	// Output: the flag is 1 and the sleeper sleeps forever
}

// Misuse of a lock ends the run with an error that says which rule was broken.
func ExampleBug() {
	var queue, table sim.SpinLock
	queue.Init(&sim.LockClass{Name: "queue.lock", Rank: 1})
	table.Init(&sim.LockClass{Name: "table.lock", Rank: 2})
	c := sim.NewControlled(sim.NewRandom(1))
	c.Go("t1", nil, func(t *sim.Task) {
		table.Lock(t)
		queue.Lock(t)
	})
	fmt.Println(c.Settle())
	// Output: lock order in queue.lock: taken while holding table.lock (task t1)
}

// The newest waiter of a queue is woken first.
func ExampleWaitQueueHead() {
	var q sim.WaitQueueHead
	q.Init(&sim.LockClass{Name: "queue.lock"})
	t := new(sim.Free).Attach("t1", nil)
	for _, name := range []string{"first", "second", "third"} {
		q.Lock.Lock(t)
		q.Add(t, &sim.WaitQueueEntry{Func: func(*sim.Task, *sim.WaitQueueEntry, sim.State, sim.Key) bool {
			fmt.Println(name)
			return true
		}})
		q.Lock.Unlock(t)
	}
	q.WakeUpKey(t, sim.Normal, sim.Key{})
	// Output:
	// third
	// second
	// first
}

// A tracer receives an event for every visible step of a run.
func ExampleTracer() {
	var lock sim.SpinLock
	lock.Init(&sim.LockClass{Name: "queue.lock"})
	c := sim.NewControlled(sim.NewRandom(1))
	c.Trace = sim.NewTracer(func(e sim.Event) { fmt.Println(e.Seq, e.Task, e.Kind, e.Object) })
	c.Go("t1", nil, func(t *sim.Task) {
		lock.Lock(t)
		lock.Unlock(t)
	})
	fmt.Println(c.Settle())
	// Output:
	// 1 t1 spin_lock queue.lock
	// 2 t1 spin_unlock queue.lock
	// <nil>
}
