package explore

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
)

// exhibit is where a rule is shown to be needed, or, if nothing comes of dropping it, that it
// is not.
type exhibit struct {
	setup  string
	mutant string // its number in the list of mutants that docs/exploration.md has; "" for none
	// run is a schedule that goes wrong without the rule, and not with it, where the shortest
	// one that goes wrong does so with the rule, too; "" elsewhere.
	run string
}

var catalogue = map[uffd.Rule]exhibit{
	uffd.RecheckAfterEnqueue:         {"copy", "1", ""},
	uffd.RecheckNotBeforeEnqueue:     {"copy", "2", ""},
	uffd.RecheckUnderMmapLock:        {"unmap", "3", ""},
	uffd.SleepStateUnderQueueLock:    {"copy", "5", ""},
	uffd.ReferenceUnderMmapLock:      {"close-only", "7", ""},
	uffd.PutAfterUnlink:              {"close-only", "8", ""},
	uffd.UnlinkOwnEntry:              {"kill-read", "9", ""},
	uffd.UnlinkUnderQueueLock:        {"kill-read", "10", ""},
	uffd.WakeBeforeUnlink:            {"kill-wake", "11", ""},
	uffd.PlainDeleteAtRefile:         {"kill-read", "12", ""},
	uffd.DropMmapLockToSleep:         {"close-only", "13", ""},
	uffd.WakeAllMatching:             {"pair", "14", ""},
	uffd.HalfOpenRange:               {"neighbour", "15", ""},
	uffd.RefuseZeroLength:            {"wake-nothing", "16", ""},
	uffd.ZeroLengthIsAll:             {"close-only", "17", ""},
	uffd.ReleaseWakesPending:         {"close-only", "18", ""},
	uffd.ReleaseWakesRead:            {"close", "19", ""},
	uffd.StripBeforeWake:             {"close-only", "21", ""},
	uffd.ReleaseStrips:               {"close-only", "22", ""},
	uffd.PendingLookedAtFirst:        {"read-copy", "24", "t1*22 copier*15 reader*29"},
	uffd.JoinBeforeLook:              {"serve", "25", ""},
	uffd.EnqueueBeforeWakingReaders:  {"serve", "26", ""},
	uffd.WakeReadersUnlocked:         {"serve", "27", ""},
	uffd.WakeAllReaders:              {"readers", "28", ""},
	uffd.ReadRefiles:                 {"twice", "29", ""},
	uffd.OnlyFirstReadBlocks:         {"serve-batch", "31", ""},
	uffd.PollJoinsFirst:              {"poll", "34", ""},
	uffd.SleepThroughSignals:         {"signal", "36", ""},
	uffd.SleepKillable:               {"kill", "37", ""},
	uffd.WakeNormal:                  {"copy", "38", ""},
	uffd.PinMM:                       {"exit", "59", ""},
	uffd.WakeDoneLength:              {"partial", "61", ""},
	uffd.ReleasedBeforeLock:          {"close-only", "E1", ""},
	uffd.FirstReleasedTest:           {"close-only", "E2", ""},
	uffd.SecondReleasedTest:          {"close-only", "E2", ""},
	uffd.FatalTestBeforeSleep:        {"kill-close", "E3", ""},
	uffd.WakeReadersAtRelease:        {"poll-close", "E4", ""},
	uffd.LookBeforeLock:              {"copy", "E5", ""},
	uffd.NoSleepingLockOnceAnnounced: {"copy", "6", ""},
	uffd.ReleaseWakes:                {"close-only", "20", ""},
	uffd.StripUnderMmapLock:          {"close-only", "22", ""},
	uffd.NowaitKeepsLock:             {"nowait", "40", ""},
	uffd.NowaitNotQueued:             {"nowait", "40", ""},
	uffd.SleepOnlyIfAllowed:          {"gup", "41", ""},
	uffd.MarkReleased:                {"close-only", "E1", ""},
	uffd.ReleasedOutsideLock:         {"close-only", "E1", ""},
	uffd.UnlinkOnlySleepers:          {"kill-wake", "E6", ""},
	uffd.ValidateInOrder:             {"odd-ranges", "E7", ""},
	uffd.BarrierAfterSleepState:      {"copy", "4", ""},
	uffd.BarrierBeforeLook:           {"copy", "4", ""},
	uffd.BarrierAfterReaderState:     {"serve", "", ""},
	uffd.BarrierBeforePollLook:       {"poll", "", ""},
	uffd.RefileCounted:               {"read-copy", "", ""},
	uffd.ReleasedIsNoError:           {"close-only", "", ""},
	uffd.WaitToBeWoken:               {"late-wake", "", ""},
	mm.ForkDropsContext:              {"fork", "58", ""},
	mm.CheckAgainAfterFault:          {"remap", "62", ""},
	mm.NeverOverwrite:                {"overwrite", "63", ""},
	uffd.MatchWholeRange:             {"two-pages", "15", ""},
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

// Exhibit finds the run that shows what goes wrong without the rule: the shortest one, or, if
// that has nothing to do with the rule, one as short that goes right with it. The result is
// that of [Counterexample].
func Exhibit(r uffd.Rule, opts Options) (*Result, error) {
	e := catalogue[r]
	result, err := Counterexample(FindSetup(e.setup), opts)
	if err != nil || result.Failure == nil || e.run == "" {
		return result, err
	}
	schedule, err := ParseSchedule(e.run)
	if err != nil {
		return nil, err
	}
	own := &replay{schedule: schedule}
	failure, err := own.run(FindSetup(e.setup), opts, func(*World) {})
	if err != nil {
		return nil, err
	}
	if failure == nil || own.strayed != nil {
		return nil, fmt.Errorf("the run of %s does not show it any more (%v)", uffd.Rules[r].Name, own.strayed)
	}
	result.Covered = result.Covered && own.used == result.Failure.Bound
	result.Failure = &Failure{Err: failure, Schedule: own.ran, Bound: own.used}
	return result, nil
}
