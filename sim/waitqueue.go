package sim

import "fmt"

// Key tells a wake function what is being woken: a range of addresses, or an
// event mask. It stands for the kernel's void *key.
type Key struct{ Start, Len uint64 }

// WakeFunc is called by a wake-up for each entry that it walks over. t is the
// waker. It reports whether it woke the entry's task. The queue's lock is held.
type WakeFunc func(t *Task, e *WaitQueueEntry, mode State, key Key) bool

// The places where an entry can stand, for a look without the lock.
const (
	entrySelf    uint64 = iota // linked to itself: never queued, or removed by a waker
	entryQueued                // in a queue
	entryDeleted               // taken out by a plain delete: in no queue, yet not linked to itself
)

// WaitQueueEntry is a task's place in a wait queue: wait_queue_t.
type WaitQueueEntry struct {
	// Task is who waits. Immutable while the entry is queued.
	Task *Task
	// Func is called when the queue is woken. Immutable while the entry is queued.
	Func WakeFunc
	// Container is the structure that embeds the entry, for Func: container_of.
	Container any

	next, prev *WaitQueueEntry // guarded by the lock of the queue that holds the entry
	link       Word            // entrySelf, entryQueued or entryDeleted; read without a lock
}

// ListEmptyCareful reports, without a lock, whether a waker has removed the entry
// for good: list_empty_careful. An entry that is on its way from one queue to
// another is never seen so.
func (e *WaitQueueEntry) ListEmptyCareful(t *Task) bool { return e.link.Load(t) == entrySelf }

// Queued reports whether the entry is in a queue, for observers.
func (e *WaitQueueEntry) Queued() bool { return e.link.Peek() == entryQueued }

// WaitQueueHead is a wait queue: wait_queue_head_t. Entries are added at the head,
// and wake-ups walk from the head, so that the newest waiter is woken first.
// Init it before use.
type WaitQueueHead struct {
	// Lock guards the list. (The lock of another head may guard it instead, if its owner
	// says so.)
	Lock SpinLock
	// Name and Owner say in traces which queue it is, and whose; one without a name is not
	// traced. Immutable.
	Name, Owner string

	head, tail *WaitQueueEntry
	length     int
	active     Word // 1 while the list is not empty; read without the lock
}

// Init gives the queue's lock its class.
func (q *WaitQueueHead) Init(class *LockClass) { q.Lock.Init(class) }

// Active reports whether anyone waits: waitqueue_active. It takes no lock, and so
// a barrier must stand between it and whatever the waiters wait for.
func (q *WaitQueueHead) Active(t *Task) bool { return q.active.Load(t) != 0 }

// Add puts the entry at the head: __add_wait_queue. The lock must be held.
func (q *WaitQueueHead) Add(t *Task, e *WaitQueueEntry) {
	e.next, e.prev = q.head, nil
	if q.head != nil {
		q.head.prev = e
	} else {
		q.tail = e
	}
	q.head = e
	q.length++
	e.link.Store(t, entryQueued)
	if q.length == 1 {
		q.active.Store(t, 1)
	}
	if t.trace != nil {
		q.traceChange(t, "queue_add", e)
	}
}

// Del takes the entry out and leaves it pointing nowhere: list_del. The lock must
// be held. On an entry that a waker has removed already it does nothing.
func (q *WaitQueueHead) Del(t *Task, e *WaitQueueEntry) { q.remove(t, e, entryDeleted) }

// DelInit takes the entry out and links it to itself: list_del_init. The lock must
// be held. From here on the entry's owner may see it removed, return and reuse its
// memory: the caller must not touch the entry again.
func (q *WaitQueueHead) DelInit(t *Task, e *WaitQueueEntry) { q.remove(t, e, entrySelf) }

func (q *WaitQueueHead) remove(t *Task, e *WaitQueueEntry, to uint64) {
	if e.link.Peek() != entryQueued {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		q.head = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		q.tail = e.prev
	}
	e.next, e.prev = nil, nil
	q.length--
	if q.length == 0 {
		q.active.Store(t, 0)
	}
	if t.trace != nil { // before the store: after it the entry may be gone
		kind := "queue_del"
		if to == entrySelf {
			kind = "queue_del_init"
		}
		q.traceChange(t, kind, e)
	}
	e.link.Store(t, to)
}

// traceChange records that the entry has come or gone, and who is in the queue now, newest first.
func (q *WaitQueueHead) traceChange(t *Task, kind string, e *WaitQueueEntry) {
	if q.Name == "" {
		return
	}
	event := Event{Kind: kind, Object: q.Name, Args: []Arg{{"waiter", e.Task.name}}}
	if w, ok := e.Container.(Waiting); ok {
		event.Args = append(event.Args, Arg{"address", w.WaitsFor()})
	}
	names := []string{}
	for e := q.head; e != nil; e = e.next {
		name := e.Task.name
		if w, ok := e.Container.(Waiting); ok {
			name = fmt.Sprintf("%s@%#x", name, w.WaitsFor())
		}
		names = append(names, name)
	}
	event.Args = append(event.Args, Arg{"queue", names}, Arg{"ctx", q.Owner})
	t.Emit(event)
}

// Waiting is an entry's container that can tell traces the address that is waited for.
type Waiting interface{ WaitsFor() uint64 }

// WakeUpLockedKey calls the wake function of every entry, from the head, and never
// stops early: __wake_up_locked_key for non-exclusive waiters. The lock must be
// held. A wake function may remove its own entry.
func (q *WaitQueueHead) WakeUpLockedKey(t *Task, mode State, key Key) {
	for e := q.head; e != nil; {
		next := e.next // before Func: it may remove e, and then e is not ours any more
		e.Func(t, e, mode, key)
		e = next
	}
}

// WakeUpKey is [WaitQueueHead.WakeUpLockedKey] under the queue's lock:
// __wake_up, and wake_up_poll with an event mask for key.
func (q *WaitQueueHead) WakeUpKey(t *Task, mode State, key Key) {
	q.Lock.Lock(t)
	q.WakeUpLockedKey(t, mode, key)
	q.Lock.Unlock(t)
}

// SumUp sums up who is in the queue: see [SpinLock.Guards].
func (q *WaitQueueHead) SumUp(s *Summary) {
	for e := q.head; e != nil; e = e.next {
		s.AddObject(e)
	}
}

// DefaultWakeFunction wakes the entry's task and leaves the entry where it is:
// default_wake_function.
func DefaultWakeFunction(t *Task, e *WaitQueueEntry, mode State, _ Key) bool {
	return t.WakeUpState(e.Task, mode)
}

// Head is the newest entry and Tail the oldest, nil in an empty queue. The lock
// must be held, or nothing else may run.
func (q *WaitQueueHead) Head() *WaitQueueEntry { return q.head }

// Tail is the oldest entry.
func (q *WaitQueueHead) Tail() *WaitQueueEntry { return q.tail }

// Next is the entry behind e, towards the tail. The queue's lock must be held.
func (e *WaitQueueEntry) Next() *WaitQueueEntry { return e.next }

// Len is the number of entries. The lock must be held, or nothing else may run.
func (q *WaitQueueHead) Len() int { return q.length }
