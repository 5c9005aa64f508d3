// Package sim is the simulated CPU that the modelled kernel runs on: tasks
// with the kernel's sleeping states, spinlocks, a reader/writer semaphore, wait
// queues and words of shared memory.
//
// # One code, two executors
//
// Code that is written against this package takes the current task, t *Task, as
// its first parameter (the kernel's current) and never uses sync, channels, time
// or the go statement itself. It then runs unchanged on either executor:
//
//   - [Free]: every task is a goroutine, a [SpinLock] is a mutex and a [Word] an
//     atomic. Tasks run in parallel, at full speed, and the race detector sees
//     what the kernel's own would.
//   - [Controlled]: one task runs at a time, as a coroutine. Before every visible
//     step a [Strategy] chooses who goes next, so that the same choices give the
//     same run, bit for bit.
//
// # Visible steps
//
// A visible step is an action that another task can notice or be noticed by: a
// lock taken or released, a shared word read or written, a sleep, a wake-up. Each
// names its object and how it touches it ([Step]); whatever lies between two
// steps of a task is invisible and runs in one go.
//
// # Lock order
//
// A lock belongs to a [LockClass], and a class has a rank. A task may only take
// locks of rising rank. The order is asserted in the controlled executor always,
// and in the free one when built with -tags lockcheck. The only class of this
// package's own is that of siglock, the lock of a task's signals. Its rank is 100:
// the packages that declare other classes give them lower ranks.
//
// What must never happen in a kernel (a BUG_ON, a lock taken twice, a sleep with
// a spinlock held) is a panic with a [*Bug], which names the place and the rule.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): the executors and strategies; [Task],
// [SpinLock], [RWSem], [WaitQueueHead], [Word], [Ref], [SeqCount] and their methods,
// unless the next sentence names them; [Bug]; [Tracer] and [Event].
//
// Internal (may change in any commit, although other packages of this module use it):
// what an explorer needs to compare states ([Summary], [Renaming], [Label], [LabelIn],
// [Bookmark] and every method that takes or returns one of them, [Controlled.TSO]), and
// what saves allocations ([Pool], [Shelf], [Coroutines], [BareLock]).
package sim
