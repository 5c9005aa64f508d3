package sim

import "fmt"

// Key is the argument of a wake-up that wake functions get: a range of addresses, or an
// event mask in Start. It replaces the kernel's void *key.
type Key struct{ Start, Len uint64 }

// WakeFunc is the wake function of an entry: wait_queue_func_t. A wake-up by task t calls
// it with the queue's lock held. It reports whether it woke the entry's task.
type WakeFunc func(t *Task, e *WaitQueueEntry, mode State, key Key) bool

// The values of WaitQueueEntry.link.
const (
	entrySelf    uint64 = iota // linked to itself: never queued, or removed by list_del_init
	entryQueued                // in a queue
	entryDeleted               // removed by list_del: in no queue, but not linked to itself
)

// WaitQueueEntry is an entry of a wait queue: wait_queue_t.
type WaitQueueEntry struct {
	// Task is the waiting task. Immutable while the entry is queued.
	Task *Task
	// Func is called by wake-ups. Immutable while the entry is queued.
	Func WakeFunc
	// Container is the structure that embeds the entry; Func uses it in place of
	// container_of. Immutable while the entry is queued.
	Container any

	next, prev *WaitQueueEntry // protected by the lock of the entry's queue
	link       Word            // an entry constant; written under that lock, read without
}

// ListEmptyCareful reports, without a lock, whether the entry is linked to itself:
// list_empty_careful. For an entry that was queued this means that a waker has removed it
// for good: an entry that is being moved between two queues is never linked to itself.
func (e *WaitQueueEntry) ListEmptyCareful(t *Task) bool { return e.link.Load(t) == entrySelf }

// Queued reports whether the entry is in a queue. It is for observers.
func (e *WaitQueueEntry) Queued() bool { return e.link.Peek() == entryQueued }

// WaitQueueHead is a wait queue: wait_queue_head_t. Entries are added at the head, and
// wake-ups walk from the head, so the newest entry is woken first. Call Init before use.
type WaitQueueHead struct {
	// Lock protects the list, unless the owner of the queue uses another queue's lock for
	// both.
	Lock SpinLock
	// Name and Owner identify the queue and its owner in traces. A queue without a name
	// is not traced. Immutable.
	Name, Owner string

	head, tail *WaitQueueEntry // protected by Lock
	length     int             // protected by Lock
	active     Word            // 1 while the list is not empty; written under Lock, read without
}

// Init sets the class of the queue's lock.
func (q *WaitQueueHead) Init(class *LockClass) { q.Lock.Init(class) }

// Active reports whether the queue has an entry: waitqueue_active. It takes no lock, so
// the caller needs a barrier between making the waiters' condition true and calling
// Active.
func (q *WaitQueueHead) Active(t *Task) bool { return q.active.Load(t) != 0 }

// Add adds the entry at the head: __add_wait_queue. The lock must be held.
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

// Del removes the entry and does not link it to itself: list_del. The lock must be held.
// If the entry is not queued, it does nothing.
func (q *WaitQueueHead) Del(t *Task, e *WaitQueueEntry) { q.remove(t, e, entryDeleted) }

// DelInit removes the entry and links it to itself: list_del_init. The lock must be held.
// If the entry is not queued, it does nothing. The caller must not access the entry
// afterwards: the waiting task may see that it was removed, return, and reuse its memory.
func (q *WaitQueueHead) DelInit(t *Task, e *WaitQueueEntry) { q.remove(t, e, entrySelf) }

// remove removes a queued entry and sets its link. The lock must be held.
func (q *WaitQueueHead) remove(t *Task, e *WaitQueueEntry, to uint64) {
	if e.link.PeekHeld(t) != entryQueued {
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
	if t.trace != nil { // before the store, after which the entry may be reused
		kind := "queue_del"
		if to == entrySelf {
			kind = "queue_del_init"
		}
		q.traceChange(t, kind, e)
	}
	e.link.Store(t, to)
}

// traceChange emits an event for the addition or removal of an entry, with the names of
// the tasks that are then in the queue, newest first. The lock must be held.
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

// Waiting is implemented by an entry's container that waits at an address, which traces
// then show.
type Waiting interface {
	// WaitsFor returns the address.
	WaitsFor() uint64
}

// WakeUpLockedKey calls the wake function of every entry, from the head:
// __wake_up_locked_key for non-exclusive waiters. The lock must be held. It does not stop
// at an entry that woke its task. A wake function may remove its own entry.
func (q *WaitQueueHead) WakeUpLockedKey(t *Task, mode State, key Key) {
	for e := q.head; e != nil; {
		next := e.next // before Func, which may remove e; e must not be accessed afterwards
		e.Func(t, e, mode, key)
		e = next
	}
}

// WakeUpKey calls [WaitQueueHead.WakeUpLockedKey] under the queue's lock: __wake_up, or
// wake_up_poll if the key is an event mask.
func (q *WaitQueueHead) WakeUpKey(t *Task, mode State, key Key) {
	q.Lock.Lock(t)
	q.WakeUpLockedKey(t, mode, key)
	q.Lock.Unlock(t)
}

// SumUp adds the entries of the queue, in order, to a summary: see [SpinLock.Guards].
func (q *WaitQueueHead) SumUp(s *Summary) {
	for e := q.head; e != nil; e = e.next {
		s.AddObject(e)
	}
}

// DefaultWakeFunction wakes the entry's task, does not remove the entry, and reports
// whether the task was asleep: default_wake_function.
func DefaultWakeFunction(t *Task, e *WaitQueueEntry, mode State, _ Key) bool {
	return t.WakeUpState(e.Task, mode)
}

// Head returns the newest entry, nil if the queue is empty. The lock must be held unless
// the machine is settled.
func (q *WaitQueueHead) Head() *WaitQueueEntry { return q.head }

// Tail returns the oldest entry, nil if the queue is empty. The lock must be held unless
// the machine is settled.
func (q *WaitQueueHead) Tail() *WaitQueueEntry { return q.tail }

// Next returns the entry behind e, towards the tail, nil if e is the last. The queue's
// lock must be held unless the machine is settled.
func (e *WaitQueueEntry) Next() *WaitQueueEntry { return e.next }

// Len returns the number of entries. The lock must be held unless the machine is settled.
func (q *WaitQueueHead) Len() int { return q.length }
