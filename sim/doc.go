// Package sim simulates the CPU and the scheduler under the modelled kernel: tasks with
// the kernel's sleeping states, spinlocks, a reader/writer semaphore, wait queues, and
// words of shared memory.
//
// # One code, two executors
//
// Code that uses this package takes the current task, t *Task, as its first parameter
// (the kernel's current). It never uses sync, channels, time or the go statement itself.
// It then runs unchanged on either executor:
//
//   - [Free]: every task is a goroutine, a [SpinLock] is a mutex, and a [Word] is an
//     atomic. Tasks run in parallel at full speed, and the race detector reports data
//     races in the modelled code.
//   - [Controlled]: tasks are coroutines, and one runs at a time. Before every visible
//     step a [Strategy] chooses the task that takes it. The same choices produce the same
//     run, bit for bit.
//
// An executor is settled when every task sleeps or has ended.
//
// # Visible steps
//
// A visible step (in the literature, a visible operation) is an action that can affect
// another task or be affected by one: taking or releasing a lock, reading or writing a
// shared word, going to sleep, waking a task. A [Step] says which object it accesses, and
// how. The code between two steps of a task runs without interruption.
//
// # Store buffers
//
// Memory is sequentially consistent. [Controlled.TSO] adds store buffers, as on x86: then
// the write of each buffered store to memory is a step of its own.
//
// # Choices
//
// [Task.Choose] leaves a decision open: the strategy makes it. It stands for an input or
// an event of the environment.
//
// # Lock order
//
// A lock belongs to a [LockClass], and a class has a rank. A task may take a lock only if
// its rank is higher than that of every lock the task holds. The controlled executor
// always asserts this, the free one if built with -tags lockcheck. This package declares
// one class, that of siglock, which protects a task's signals. Its rank is 100, higher
// than that of any class declared elsewhere.
//
// Anything that must never happen in a kernel (a BUG_ON, a lock taken twice, a sleep with
// a spinlock held) panics with a [*Bug], which names the place and the condition.
//
// # Fingerprints
//
// A controlled executor can hash its global state ([Controlled.Fingerprint]), so that an
// explorer recognises a state that it has visited. For this every structure shared
// between tasks needs a label ([Label]), and every lock a summary of what it guards
// ([SpinLock.Guards]).
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): the executors and strategies; [Task],
// [SpinLock], [RWSem], [WaitQueueHead], [Word], [Ref], [SeqCount] and their methods,
// unless the next sentence names them; [Bug]; [Tracer] and [Event].
//
// Internal (may change in any commit, although other packages of this module use it):
// what an explorer needs to compare states ([Summary], [Permutation], [Label], [LabelIn],
// [Bookmark] and every method that takes or returns one of them, [Controlled.TSO]), and
// what saves allocations ([Pool], [Shelf], [Coroutines], [BareLock]).
package sim
