package uffd

import "fmt"

// Rule is a rule of the protocol that can be dropped, at the one place where the code
// asks whether it is obeyed, in order to see what goes wrong without it.
type Rule uint8

// The rules. The table [Rules] says what each of them prevents.
const (
	RecheckAfterEnqueue Rule = iota
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

	numRules
)

// Symptom is what goes wrong without a rule.
type Symptom string

// The symptoms.
const (
	LostWakeUp    Symptom = "lost wake-up"
	UseAfterFree  Symptom = "use after free"
	SpuriousBus   Symptom = "spurious SIGBUS"
	DeadlockFound Symptom = "deadlock"
	Duplicate     Symptom = "duplicate message"
	Unkillable    Symptom = "unkillable task"
	QueueDamage   Symptom = "damaged queue"
	Nothing       Symptom = "nothing"
)

// RuleInfo describes a rule.
type RuleInfo struct {
	Rule Rule
	// Name is how the rule is chosen on a command line.
	Name string
	// Func is the kernel function that it is kept in.
	Func string
	// Number is the rule's number in docs/rules.md.
	Number string
	// Does is what the kernel does, Instead what happens when it is dropped.
	Does, Instead string
	// Symptom is what comes of it.
	Symptom Symptom
}

// Rules is the table of all rules, in the order of their values.
var Rules = [numRules]RuleInfo{
	{RecheckAfterEnqueue, "recheck-after-enqueue", "handle_userfault", "FAULT-9",
		"looks for the page once more after it has joined the queue", "sleeps without looking", LostWakeUp},
	{RecheckNotBeforeEnqueue, "recheck-not-before-enqueue", "handle_userfault", "FAULT-9",
		"takes that look after joining the queue", "looks first and joins afterwards", LostWakeUp},
	{RecheckUnderMmapLock, "recheck-under-mmap-lock", "handle_userfault", "FAULT-10",
		"looks before it drops mmap_lock", "drops mmap_lock first", UseAfterFree},
	{SleepStateUnderQueueLock, "sleep-state-under-queue-lock", "handle_userfault", "FAULT-8",
		"announces its sleep before others can see its entry", "announces it just before it sleeps", LostWakeUp},
	{ReferenceUnderMmapLock, "reference-under-mmap-lock", "handle_userfault", "FAULT-6",
		"takes its reference on the context while it holds mmap_lock", "takes it after dropping mmap_lock", UseAfterFree},
	{PutAfterUnlink, "put-after-unlink", "handle_userfault", "FAULT-12",
		"drops its reference when it has left the queues", "drops it before it leaves them", UseAfterFree},
	{UnlinkOwnEntry, "unlink-own-entry", "handle_userfault", "FAULT-12",
		"takes its entry out of the queue if no waker did", "leaves it there", UseAfterFree},
	{UnlinkUnderQueueLock, "unlink-under-queue-lock", "handle_userfault", "QUEUE-7",
		"takes the queue's lock to do so", "takes no lock", QueueDamage},
	{WakeBeforeUnlink, "wake-before-unlink", "userfaultfd_wake_function", "WAKE-6",
		"wakes the task and then unlinks its entry", "unlinks the entry and then wakes the task", UseAfterFree},
	{PlainDeleteAtRefile, "plain-delete-at-refile", "userfaultfd_ctx_read", "QUEUE-4",
		"moves an entry between the queues without ever linking it to itself", "links it to itself on the way", UseAfterFree},
	{DropMmapLockToSleep, "drop-mmap-lock-to-sleep", "handle_userfault", "FAULT-10",
		"drops mmap_lock before it sleeps", "sleeps with mmap_lock held", DeadlockFound},
	{WakeAllMatching, "wake-all-matching", "__wake_userfault", "WAKE-4",
		"wakes every fault of the range", "stops at the first", LostWakeUp},
	{HalfOpenRange, "half-open-range", "userfaultfd_wake_function", "WAKE-5",
		"takes the byte behind the range for the next page", "takes it for the range's", SpuriousBus},
	{RefuseZeroLength, "refuse-zero-length", "userfaultfd_wake", "WAKE-2",
		"refuses a wake of no bytes", "lets it through, and it means everybody", SpuriousBus},
	{ZeroLengthIsAll, "zero-length-is-all", "userfaultfd_wake_function", "WAKE-2",
		"takes a length of 0 from release for everybody", "takes it for nobody", LostWakeUp},
	{ReleaseWakesPending, "release-wakes-pending", "userfaultfd_release", "REL-5",
		"wakes the faults that nobody has read", "leaves them asleep", LostWakeUp},
	{ReleaseWakesRead, "release-wakes-read", "userfaultfd_release", "REL-5",
		"wakes the faults that somebody has read", "leaves them asleep", LostWakeUp},
	{StripBeforeWake, "strip-before-wake", "userfaultfd_release", "REL-5",
		"takes the context out of the VMAs and then wakes", "wakes first", SpuriousBus},
	{ReleaseStrips, "release-strips", "userfaultfd_release", "REL-3",
		"takes the context out of the VMAs", "leaves it there", UseAfterFree},
	{PendingLookedAtFirst, "pending-looked-at-first", "wake_userfault", "WAKE-3",
		"looks at the pending queue before the other one", "looks at the other one first", LostWakeUp},
	{JoinBeforeLook, "join-before-look", "userfaultfd_ctx_read", "READ-9",
		"joins fd_wqh and announces its sleep before it looks for a fault", "looks first", LostWakeUp},
	{EnqueueBeforeWakingReaders, "enqueue-before-waking-readers", "handle_userfault", "FAULT-11",
		"wakes the readers when its fault is in the queue", "wakes them before", LostWakeUp},
	{WakeReadersUnlocked, "wake-readers-unlocked", "handle_userfault", "LOCK-3",
		"wakes the readers when it has let go of the queue's lock", "wakes them with the lock held", DeadlockFound},
	{WakeAllReaders, "wake-all-readers", "handle_userfault", "READ-10",
		"wakes every sleeping reader", "wakes the newest only", LostWakeUp},
	{ReadRefiles, "read-refiles", "userfaultfd_ctx_read", "READ-8",
		"moves what it has read to the other queue", "leaves it where it was", Duplicate},
	{OnlyFirstReadBlocks, "only-first-read-blocks", "userfaultfd_read", "READ-4",
		"waits for the first message only", "waits for each that has room", LostWakeUp},
	{PollJoinsFirst, "poll-joins-first", "userfaultfd_poll", "POLL-1",
		"joins fd_wqh before it looks for a fault", "looks first", LostWakeUp},
	{SleepThroughSignals, "sleep-through-signals", "handle_userfault", "FAULT-14",
		"sleeps through every signal that is not fatal", "wakes up for any signal", SpuriousBus},
	{SleepKillable, "sleep-killable", "handle_userfault", "FAULT-14",
		"wakes up for a fatal signal", "sleeps through that, too", Unkillable},
	{WakeNormal, "wake-normal", "__wake_userfault", "WAKE-6",
		"wakes sleepers of every kind", "wakes interruptible sleepers only", LostWakeUp},
	{PinMM, "pin-mm", "userfaultfd_file_create", "CREATE-4",
		"holds a user reference on the mm", "holds none", UseAfterFree},
	{WakeDoneLength, "wake-done-length", "userfaultfd_copy", "COPY-7",
		"wakes the faults of the pages that it has filled", "wakes those of all that were asked for", SpuriousBus},
	{ReleasedBeforeLock, "released-before-lock", "userfaultfd_release", "REL-1",
		"marks the context released before it takes mmap_lock", "marks it after the strip", Nothing},
	{FirstReleasedTest, "first-released-test", "handle_userfault", "FAULT-3",
		"refuses a fault on a released context", "lets it in", Nothing},
	{SecondReleasedTest, "second-released-test", "handle_userfault", "FAULT-11",
		"does not sleep on a released context", "sleeps all the same", Nothing},
	{FatalTestBeforeSleep, "fatal-test-before-sleep", "handle_userfault", "FAULT-11",
		"does not sleep with a fatal signal pending", "leaves that to schedule", Nothing},
	{WakeReadersAtRelease, "wake-readers-at-release", "userfaultfd_release", "REL-6",
		"wakes the readers with POLLHUP", "does not", Nothing},
	{LookBeforeLock, "look-before-lock", "wake_userfault", "WAKE-3",
		"looks whether anybody waits before it takes the lock", "always takes it", Nothing},
}

// String is the rule's name.
func (r Rule) String() string { return Rules[r].Name }

// ParseRule finds a rule by its name.
func ParseRule(name string) (Rule, error) {
	for _, info := range Rules {
		if info.Name == name {
			return info.Rule, nil
		}
	}
	return 0, fmt.Errorf("no rule %q", name)
}

// RuleSet is a set of rules.
type RuleSet uint64

// With is the set with the rule in it.
func (s RuleSet) With(r Rule) RuleSet { return s | 1<<r }

// Has reports whether the rule is in the set.
func (s RuleSet) Has(r Rule) bool { return s&(1<<r) != 0 }

// obeys reports whether the rule is kept. All are, unless a context was made to do
// without.
func (c *Ctx) obeys(r Rule) bool { return !c.dropped.Has(r) }
