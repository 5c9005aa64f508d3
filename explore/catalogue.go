package explore

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
)

// exhibit is where a rule is shown to be needed, or, if nothing comes of dropping it, that it
// is not.
type exhibit struct {
	setup  string
	mutant string // its number in the list of mutants that docs/exploration.md has; "" for none
	// tells: the setup goes wrong with the rule, too, and only runs that do not are of use.
	tells bool
}

var catalogue = map[uffd.Rule]exhibit{
	uffd.RecheckAfterEnqueue:         {"copy", "1", false},
	uffd.RecheckNotBeforeEnqueue:     {"copy", "2", false},
	uffd.RecheckUnderMmapLock:        {"unmap", "3", false},
	uffd.SleepStateUnderQueueLock:    {"copy", "5", false},
	uffd.ReferenceUnderMmapLock:      {"close-only", "7", false},
	uffd.PutAfterUnlink:              {"close-only", "8", false},
	uffd.UnlinkOwnEntry:              {"kill-read", "9", false},
	uffd.UnlinkUnderQueueLock:        {"kill-read", "10", false},
	uffd.WakeBeforeUnlink:            {"kill-wake", "11", false},
	uffd.PlainDeleteAtRefile:         {"kill-read", "12", false},
	uffd.DropMmapLockToSleep:         {"close-only", "13", false},
	uffd.WakeAllMatching:             {"pair", "14", false},
	uffd.HalfOpenRange:               {"neighbour", "15", false},
	uffd.RefuseZeroLength:            {"wake-nothing", "16", false},
	uffd.ZeroLengthIsAll:             {"close-only", "17", false},
	uffd.ReleaseWakesPending:         {"close-only", "18", false},
	uffd.ReleaseWakesRead:            {"close", "19", false},
	uffd.StripBeforeWake:             {"close-only", "21", false},
	uffd.ReleaseStrips:               {"close-only", "22", false},
	uffd.PendingLookedAtFirst:        {"read-copy", "24", true},
	uffd.JoinBeforeLook:              {"serve", "25", false},
	uffd.EnqueueBeforeWakingReaders:  {"serve", "26", false},
	uffd.WakeReadersUnlocked:         {"serve", "27", false},
	uffd.WakeAllReaders:              {"readers", "28", false},
	uffd.ReadRefiles:                 {"twice", "29", false},
	uffd.OnlyFirstReadBlocks:         {"serve-batch", "31", false},
	uffd.PollJoinsFirst:              {"poll", "34", false},
	uffd.SleepThroughSignals:         {"signal", "36", false},
	uffd.SleepKillable:               {"kill", "37", false},
	uffd.WakeNormal:                  {"copy", "38", false},
	uffd.PinMM:                       {"exit", "59", false},
	uffd.WakeDoneLength:              {"partial", "61", false},
	uffd.ReleasedBeforeLock:          {"close-only", "E1", false},
	uffd.FirstReleasedTest:           {"close-only", "E2", false},
	uffd.SecondReleasedTest:          {"close-only", "E2", false},
	uffd.FatalTestBeforeSleep:        {"kill-close", "E3", false},
	uffd.WakeReadersAtRelease:        {"poll-close", "E4", false},
	uffd.LookBeforeLock:              {"copy", "E5", false},
	uffd.NoSleepingLockOnceAnnounced: {"copy", "6", false},
	uffd.ReleaseWakes:                {"close-only", "20", false},
	uffd.StripUnderMmapLock:          {"close-only", "22", false},
	uffd.NowaitKeepsLock:             {"nowait", "40", false},
	uffd.NowaitNotQueued:             {"nowait", "40", false},
	uffd.SleepOnlyIfAllowed:          {"gup", "41", false},
	uffd.MarkReleased:                {"close-only", "E1", false},
	uffd.ReleasedOutsideLock:         {"close-only", "E1", false},
	uffd.UnlinkOnlySleepers:          {"kill-wake", "E6", false},
	uffd.ValidateInOrder:             {"odd-ranges", "E7", false},
	uffd.BarrierAfterSleepState:      {"copy", "4", false},
	uffd.BarrierBeforeLook:           {"copy", "4", false},
	uffd.BarrierAfterReaderState:     {"serve", "", false},
	uffd.BarrierBeforePollLook:       {"poll", "", false},
	uffd.RefileCounted:               {"read-copy", "", false},
	uffd.ReleasedIsNoError:           {"close-only", "", false},
	uffd.WaitToBeWoken:               {"late-wake", "", false},
	mm.ForkDropsContext:              {"fork", "58", false},
	mm.CheckAgainAfterFault:          {"remap", "62", false},
	mm.NeverOverwrite:                {"overwrite", "63", false},
	uffd.MatchWholeRange:             {"two-pages", "15", false},
}

// SetupFor is the setup that shows what the rule is for.
func SetupFor(r uffd.Rule) *Setup { return FindSetup(catalogue[r].setup) }

// MutantOf is the number of the mutant that does without the rule: "E1" and so on if nothing
// comes of it, "" if it is in no list.
func MutantOf(r uffd.Rule) string { return catalogue[r].mutant }

// With are the options under which the rule shows what it is for.
func With(r uffd.Rule) Options {
	info := uffd.Rules[r]
	return Options{TSO: info.TSO, Version: info.Since}
}

// Without are the same without the rule.
func Without(r uffd.Rule) Options {
	opts := With(r)
	opts.Dropped = opts.Dropped.With(r)
	return opts
}

// Exhibit finds the run that shows what goes wrong without the rule: the shortest one, of those
// that go right with it. The result is that of [Counterexample].
func Exhibit(r uffd.Rule, opts Options) (*Result, error) {
	e := catalogue[r]
	setup := FindSetup(e.setup)
	if e.tells {
		opts.ignored = func(s Schedule) bool {
			_, failure, _ := Replay(setup, With(r), s, nil) // in the same order, as far as there is one
			return failure != nil
		}
	}
	return Counterexample(setup, opts)
}
