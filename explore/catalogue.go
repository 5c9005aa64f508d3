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
	uffd.WakeAllMatching:            "race",
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

// MaxPreemptions is where the search for a counterexample gives up.
const MaxPreemptions = 4

// Counterexample searches for the run with the fewest preemptions that goes wrong, and among
// those with as many for the one with the fewest switches from one task to another. The
// result has no Failure if there is none with up to MaxPreemptions.
func Counterexample(setup *Setup, opts Options) (*Result, error) {
	bound := Bound{Switches: AnyNumber}
	opts.Bound, opts.Workers = &bound, 1
	total, err := Search(setup, opts)
	for err == nil && total.Failure == nil && bound.Preemptions < MaxPreemptions {
		bound.Preemptions++
		total, err = searchMore(setup, opts, total)
	}
	if err != nil || total.Failure == nil {
		return total, err
	}
	for bound.Switches = 0; bound.Switches < total.Failure.Schedule.Switches(); bound.Switches++ {
		better, err := searchMore(setup, opts, total)
		if err != nil || better.Failure != nil {
			return better, err
		}
	}
	return total, nil
}

// searchMore is a search whose effort is added to that of the one before.
func searchMore(setup *Setup, opts Options, before *Result) (*Result, error) {
	r, err := Search(setup, opts)
	if err == nil {
		r.Runs, r.Steps, r.Took = r.Runs+before.Runs, r.Steps+before.Steps, r.Took+before.Took
	}
	return r, err
}
