package explore

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
)

// where names, for each rule, the setup in which it is needed, or, if nothing comes of
// dropping it, the one that shows so.
var where = map[uffd.Rule]string{
	uffd.RecheckAfterEnqueue:        "copy",
	uffd.RecheckNotBeforeEnqueue:    "copy",
	uffd.RecheckUnderMmapLock:       "unmap",
	uffd.SleepStateUnderQueueLock:   "copy",
	uffd.ReferenceUnderMmapLock:     "close-only",
	uffd.PutAfterUnlink:             "close-only",
	uffd.UnlinkOwnEntry:             "kill-read",
	uffd.UnlinkUnderQueueLock:       "kill-read",
	uffd.WakeBeforeUnlink:           "kill-wake",
	uffd.PlainDeleteAtRefile:        "kill-read",
	uffd.DropMmapLockToSleep:        "close-only",
	uffd.WakeAllMatching:            "pair",
	uffd.HalfOpenRange:              "neighbour",
	uffd.RefuseZeroLength:           "wake-nothing",
	uffd.ZeroLengthIsAll:            "close-only",
	uffd.ReleaseWakesPending:        "close-only",
	uffd.ReleaseWakesRead:           "close",
	uffd.StripBeforeWake:            "close-only",
	uffd.ReleaseStrips:              "close-only",
	uffd.PendingLookedAtFirst:       "read-copy",
	uffd.JoinBeforeLook:             "serve",
	uffd.EnqueueBeforeWakingReaders: "serve",
	uffd.WakeReadersUnlocked:        "serve",
	uffd.WakeAllReaders:             "readers",
	uffd.ReadRefiles:                "twice",
	uffd.OnlyFirstReadBlocks:        "serve-batch",
	uffd.PollJoinsFirst:             "poll",
	uffd.SleepThroughSignals:        "signal",
	uffd.SleepKillable:              "kill",
	uffd.WakeNormal:                 "copy",
	uffd.PinMM:                      "exit",
	uffd.WakeDoneLength:             "partial",
	uffd.ReleasedBeforeLock:         "close-only",
	uffd.FirstReleasedTest:          "close-only",
	uffd.SecondReleasedTest:         "close-only",
	uffd.FatalTestBeforeSleep:       "kill-close",
	uffd.WakeReadersAtRelease:       "close-only",
	uffd.LookBeforeLock:             "copy",

	uffd.NoSleepingLockOnceAnnounced: "copy",
	uffd.ReleaseWakes:                "close-only",
	uffd.StripUnderMmapLock:          "close-only",
	uffd.NowaitKeepsLock:             "nowait",
	uffd.NowaitNotQueued:             "nowait",
	uffd.SleepOnlyIfAllowed:          "gup",
	uffd.MarkReleased:                "close-only",
	uffd.ReleasedOutsideLock:         "close-only",
	uffd.UnlinkOnlySleepers:          "copy",
	uffd.ValidateInOrder:             "odd-ranges",
	uffd.BarrierAfterSleepState:      "copy",
	uffd.BarrierBeforeLook:           "copy",
	uffd.BarrierAfterReaderState:     "serve",
	uffd.BarrierBeforePollLook:       "poll",
	uffd.RefileCounted:               "read-copy",
	uffd.WaitToBeWoken:               "late-wake",

	mm.ForkDropsContext:     "fork",
	mm.CheckAgainAfterFault: "remap",
	mm.NeverOverwrite:       "overwrite",
}

// SetupFor is the setup that shows what the rule is for.
func SetupFor(r uffd.Rule) *Setup { return FindSetup(where[r]) }
