package uffd

import (
	"fmt"
	"slices"

	"github.com/uffdsim/uffdsim/mm"
)

// Rule is a rule of the protocol that can be dropped, at the one place where the code
// asks whether it is obeyed, in order to see what goes wrong without it.
type Rule = mm.Rule

// RuleSet is a set of rules, of this package and of package mm.
type RuleSet = mm.RuleSet

// The rules. The table [Rules] says what each of them prevents.
const (
	RecheckAfterEnqueue Rule = mm.NumRules + iota
	RecheckNotBeforeEnqueue
	RecheckUnderMmapLock
	SleepStateUnderQueueLock
	ReferenceUnderMmapLock
	PutAfterUnlink
	UnlinkOwnEntry
	UnlinkUnderQueueLock
	WakeBeforeUnlink
	PlainDeleteAtRefile
	DropMmapLockToSleep
	WakeAllMatching
	HalfOpenRange
	RefuseZeroLength
	ZeroLengthIsAll
	ReleaseWakesPending
	ReleaseWakesRead
	StripBeforeWake
	ReleaseStrips
	PendingLookedAtFirst
	JoinBeforeLook
	EnqueueBeforeWakingReaders
	WakeReadersUnlocked
	WakeAllReaders
	ReadRefiles
	OnlyFirstReadBlocks
	PollJoinsFirst
	SleepThroughSignals
	SleepKillable
	WakeNormal
	PinMM
	WakeDoneLength
	ReleasedBeforeLock
	FirstReleasedTest
	SecondReleasedTest
	FatalTestBeforeSleep
	WakeReadersAtRelease
	LookBeforeLock
	NoSleepingLockOnceAnnounced
	ReleaseWakes
	StripUnderMmapLock
	NowaitKeepsLock
	NowaitNotQueued
	SleepOnlyIfAllowed
	MarkReleased
	ReleasedOutsideLock
	UnlinkOnlySleepers
	ValidateInOrder
	BarrierAfterSleepState
	BarrierBeforeLook
	BarrierAfterReaderState
	BarrierBeforePollLook
	RefileCounted
	WaitToBeWoken
	MatchWholeRange
	ReleasedIsNoError

	endOfRules
)

// Rules is the table of all rules, those of package mm among them, in the order of their
// values.
var Rules = slices.Concat(mm.Rules[:], rules[:])

var rules = [endOfRules - mm.NumRules]mm.RuleInfo{
	row(RecheckAfterEnqueue, "recheck-after-enqueue", "handle_userfault", "FAULT-9",
		"looks for the page once more after it has joined the queue", "sleeps without looking", mm.LostWakeUp, false),
	row(RecheckNotBeforeEnqueue, "recheck-not-before-enqueue", "handle_userfault", "FAULT-9",
		"takes that look after joining the queue", "looks first and joins afterwards", mm.LostWakeUp, false),
	row(RecheckUnderMmapLock, "recheck-under-mmap-lock", "handle_userfault", "FAULT-10",
		"looks before it drops mmap_lock", "drops mmap_lock first", mm.UseAfterFree, false),
	row(SleepStateUnderQueueLock, "sleep-state-under-queue-lock", "handle_userfault", "FAULT-8",
		"announces its sleep before others can see its entry", "announces it just before it sleeps", mm.LostWakeUp, false),
	row(ReferenceUnderMmapLock, "reference-under-mmap-lock", "handle_userfault", "FAULT-6",
		"takes its reference on the context while it holds mmap_lock", "takes it after dropping mmap_lock", mm.UseAfterFree, false),
	row(PutAfterUnlink, "put-after-unlink", "handle_userfault", "FAULT-12",
		"drops its reference when it has left the queues", "drops it before it leaves them", mm.UseAfterFree, false),
	row(UnlinkOwnEntry, "unlink-own-entry", "handle_userfault", "FAULT-12",
		"takes its entry out of the queue if no waker did", "leaves it there", mm.UseAfterFree, false),
	row(UnlinkUnderQueueLock, "unlink-under-queue-lock", "handle_userfault", "QUEUE-7",
		"takes the queue's lock to do so", "takes no lock", mm.QueueDamage, false),
	row(WakeBeforeUnlink, "wake-before-unlink", "userfaultfd_wake_function", "WAKE-6",
		"wakes the task and then unlinks its entry", "unlinks the entry and then wakes the task", mm.UseAfterFree, false),
	row(PlainDeleteAtRefile, "plain-delete-at-refile", "userfaultfd_ctx_read", "QUEUE-4",
		"moves an entry between the queues without ever linking it to itself", "links it to itself on the way", mm.UseAfterFree, false),
	row(DropMmapLockToSleep, "drop-mmap-lock-to-sleep", "handle_userfault", "FAULT-10",
		"drops mmap_lock before it sleeps", "sleeps with mmap_lock held", mm.DeadlockFound, false),
	row(WakeAllMatching, "wake-all-matching", "__wake_userfault", "WAKE-4",
		"wakes every fault of the range", "stops at the first", mm.LostWakeUp, false),
	row(HalfOpenRange, "half-open-range", "userfaultfd_wake_function", "WAKE-5",
		"takes the byte behind the range for the next page", "takes it for the range's", mm.SpuriousBus, false),
	row(RefuseZeroLength, "refuse-zero-length", "userfaultfd_wake", "WAKE-2",
		"refuses a wake of no bytes", "lets it through, and it means everybody", mm.SpuriousBus, false),
	row(ZeroLengthIsAll, "zero-length-is-all", "userfaultfd_wake_function", "WAKE-2",
		"takes a length of 0 from release for everybody", "takes it for nobody", mm.LostWakeUp, false),
	row(ReleaseWakesPending, "release-wakes-pending", "userfaultfd_release", "REL-5",
		"wakes the faults that nobody has read", "leaves them asleep", mm.LostWakeUp, false),
	row(ReleaseWakesRead, "release-wakes-read", "userfaultfd_release", "REL-5",
		"wakes the faults that somebody has read", "leaves them asleep", mm.LostWakeUp, false),
	row(StripBeforeWake, "strip-before-wake", "userfaultfd_release", "REL-5",
		"takes the context out of the VMAs and then wakes", "wakes first", mm.SpuriousBus, false),
	row(ReleaseStrips, "release-strips", "userfaultfd_release", "REL-3",
		"takes the context out of the VMAs", "leaves it there", mm.UseAfterFree, false),
	row(PendingLookedAtFirst, "pending-looked-at-first", "wake_userfault", "WAKE-3",
		"looks at the pending queue before the other one", "looks at the other one first", mm.LostWakeUp, false),
	row(JoinBeforeLook, "join-before-look", "userfaultfd_ctx_read", "READ-9",
		"joins fd_wqh and announces its sleep before it looks for a fault", "looks first", mm.LostWakeUp, false),
	row(EnqueueBeforeWakingReaders, "enqueue-before-waking-readers", "handle_userfault", "FAULT-11",
		"wakes the readers when its fault is in the queue", "wakes them before", mm.LostWakeUp, false),
	row(WakeReadersUnlocked, "wake-readers-unlocked", "handle_userfault", "LOCK-3",
		"wakes the readers when it has let go of the queue's lock", "wakes them with the lock held", mm.DeadlockFound, false),
	row(WakeAllReaders, "wake-all-readers", "handle_userfault", "READ-10",
		"wakes every sleeping reader", "wakes the newest only", mm.LostWakeUp, false),
	row(ReadRefiles, "read-refiles", "userfaultfd_ctx_read", "READ-8",
		"moves what it has read to the other queue", "leaves it where it was", mm.Duplicate, false),
	row(OnlyFirstReadBlocks, "only-first-read-blocks", "userfaultfd_read", "READ-4",
		"waits for the first message only", "waits for each that has room", mm.LostWakeUp, false),
	row(PollJoinsFirst, "poll-joins-first", "userfaultfd_poll", "POLL-1",
		"joins fd_wqh before it looks for a fault", "looks first", mm.LostWakeUp, false),
	row(SleepThroughSignals, "sleep-through-signals", "handle_userfault", "FAULT-14",
		"sleeps through every signal that is not fatal", "wakes up for any signal", mm.SpuriousBus, false),
	row(SleepKillable, "sleep-killable", "handle_userfault", "FAULT-14",
		"wakes up for a fatal signal", "sleeps through that, too", mm.Unkillable, false),
	row(WakeNormal, "wake-normal", "__wake_userfault", "WAKE-6",
		"wakes sleepers of every kind", "wakes interruptible sleepers only", mm.LostWakeUp, false),
	row(PinMM, "pin-mm", "userfaultfd_file_create", "CREATE-4",
		"holds a user reference on the mm", "holds none", mm.UseAfterFree, false),
	row(WakeDoneLength, "wake-done-length", "userfaultfd_copy", "COPY-7",
		"wakes the faults of the pages that it has filled", "wakes those of all that were asked for", mm.SpuriousBus, false),
	row(ReleasedBeforeLock, "released-before-lock", "userfaultfd_release", "REL-1",
		"marks the context released before it takes mmap_lock", "marks it after the strip", mm.Nothing, false),
	row(FirstReleasedTest, "first-released-test", "handle_userfault", "FAULT-3",
		"refuses a fault on a released context", "lets it in", mm.Nothing, false),
	row(SecondReleasedTest, "second-released-test", "handle_userfault", "FAULT-11",
		"does not sleep on a released context", "sleeps all the same", mm.Nothing, false),
	row(FatalTestBeforeSleep, "fatal-test-before-sleep", "handle_userfault", "FAULT-11",
		"does not sleep with a fatal signal pending", "leaves that to schedule", mm.Nothing, false),
	row(WakeReadersAtRelease, "wake-readers-at-release", "userfaultfd_release", "REL-6",
		"wakes the readers with POLLHUP", "does not", mm.Nothing, false),
	row(LookBeforeLock, "look-before-lock", "wake_userfault", "WAKE-3",
		"looks whether anybody waits before it takes the lock", "always takes it", mm.Nothing, false),
	row(NoSleepingLockOnceAnnounced, "no-sleeping-lock-once-announced", "handle_userfault", "FAULT-8",
		"takes no lock that sleeps once it has announced its sleep", "takes mmap_lock anew for its look at the page", mm.WrongState, false),
	row(ReleaseWakes, "release-wakes", "userfaultfd_release", "REL-5",
		"wakes the faults", "leaves them all asleep", mm.LostWakeUp, false),
	row(StripUnderMmapLock, "strip-under-mmap-lock", "userfaultfd_release", "REL-3",
		"takes mmap_lock to take the context out of the VMAs", "takes no lock", mm.UseAfterFree, false),
	row(NowaitKeepsLock, "nowait-keeps-lock", "handle_userfault", "FAULT-5",
		"leaves mmap_lock alone if it must not wait", "drops it", mm.LockMisuse, false),
	row(NowaitNotQueued, "nowait-not-queued", "handle_userfault", "FAULT-5",
		"tells nobody of a fault that must not wait", "puts it in the queue", mm.UseAfterFree, false),
	row(SleepOnlyIfAllowed, "sleep-only-if-allowed", "handle_userfault", "FAULT-4",
		"refuses a fault that cannot drop mmap_lock", "sleeps with it", mm.DeadlockFound, false),
	row(MarkReleased, "mark-released", "userfaultfd_release", "REL-1",
		"marks the context released", "never does", mm.Nothing, false),
	row(ReleasedOutsideLock, "released-outside-lock", "userfaultfd_release", "REL-1",
		"marks the context released before it takes mmap_lock", "marks it when it has the lock", mm.Nothing, false),
	row(UnlinkOnlySleepers, "unlink-only-sleepers", "userfaultfd_wake_function", "WAKE-6",
		"leaves the entry of a task that runs already to that task", "takes it out, too", mm.Nothing, false),
	row(ValidateInOrder, "validate-in-order", "validate_range", "RANGE-1",
		"tests the alignment of a range before its bounds", "tests it afterwards", mm.Nothing, false),
	row(BarrierAfterSleepState, "barrier-after-sleep-state", "handle_userfault", "FAULT-8",
		"puts a barrier between announcing its sleep and looking for the page", "puts none", mm.LostWakeUp, true),
	row(BarrierBeforeLook, "barrier-before-look", "wake_userfault", "WAKE-3",
		"puts a barrier between the page table's update and its look at the queues", "puts none", mm.LostWakeUp, true),
	row(BarrierAfterReaderState, "barrier-after-reader-state", "userfaultfd_ctx_read", "READ-9",
		"puts a barrier between announcing its sleep and looking for a fault", "puts none: the queue's lock is one", mm.Nothing, true),
	row(BarrierBeforePollLook, "barrier-before-poll-look", "userfaultfd_poll", "POLL-4",
		"puts a barrier between joining fd_wqh and looking for a fault", "puts none: whoever wakes pollers takes the lock", mm.Nothing, true),
	since("4.3", row(RefileCounted, "refile-counted", "userfaultfd_ctx_read", "§15.2",
		"counts the moves between the queues, so that a waker who finds both empty meanwhile looks again",
		"does not, as in 2015", mm.LostWakeUp, false)),
	since("4.11", row(WaitToBeWoken, "wait-to-be-woken", "handle_userfault", "FAULT-15",
		"sleeps again if nobody has woken its fault", "goes on after any wake-up, as in 2015", mm.SpuriousBus, false)),
	row(MatchWholeRange, "match-whole-range", "userfaultfd_wake_function", "WAKE-5",
		"takes every page of the range for woken", "takes its first page only", mm.LostWakeUp, false),
	since("4.14", row(ReleasedIsNoError, "released-is-no-error", "handle_userfault", "FAULT-3",
		"has a fault on a released context made again", "gives it SIGBUS, as in 2015", mm.SpuriousBus, false)),
}

// row is a line of the table.
func row(r Rule, name, fn, number, does, instead string, symptom mm.Symptom, tso bool) mm.RuleInfo {
	return mm.RuleInfo{
		Rule: r, Name: name, Func: fn, Number: number, Does: does, Instead: instead,
		Symptom: symptom, TSO: tso, Since: "2015+copy",
	}
}

// since says in which version a rule came that 2015 does not have.
func since(version string, info mm.RuleInfo) mm.RuleInfo {
	info.Since = version
	return info
}

// ParseRule finds a rule by its name.
func ParseRule(name string) (Rule, error) {
	for _, info := range Rules {
		if info.Name == name {
			return info.Rule, nil
		}
	}
	return 0, fmt.Errorf("no rule %q", name)
}

// obeys reports whether the rule is kept. All are, unless a context was made to do
// without.
func (c *Ctx) obeys(r Rule) bool { return !c.dropped.Has(r) }
