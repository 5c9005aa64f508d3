package uffd_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// Two rules whose hunks overlap cannot be dropped together, and the error names both. All
// other rules can.
func TestCheckDropped(t *testing.T) {
	require.NoError(t, uffd.CheckDropped(rule.Set{}))
	require.NoError(t, uffd.CheckDropped(rule.Of(uffd.FirstReleasedTest, uffd.SecondReleasedTest, uffd.StripBeforeWake)))
	require.EqualError(t, uffd.CheckDropped(rule.Of(uffd.PinMM, uffd.SleepKillable, uffd.SleepThroughSignals)),
		"sleep-through-signals and sleep-killable cannot be dropped together: their hunks overlap in uffd/fault.blockingState")
	require.EqualError(t, uffd.CheckDropped(rule.Of(uffd.RecheckUnderMmapLock, uffd.DropMmapLockToSleep)),
		"recheck-under-mmap-lock and drop-mmap-lock-to-sleep cannot be dropped together: their hunks overlap in uffd/fault.HandleUserfault",
		"one moves the look at the page past UpRead, which the other removes")
	for _, info := range uffd.Rules() {
		require.NoError(t, uffd.CheckDropped(rule.Of(info.Rule)), info.Name)
	}
}

// Creating a context panics if two such rules are to be dropped.
func TestClashingRulesMakeNoContext(t *testing.T) {
	k := newFixture(t, "2015", 0)
	defer k.exec.Stop()
	k.m.Dropped = rule.Of(uffd.SleepKillable, uffd.SleepThroughSignals)
	k.start("t", func(t *machine.Task) string { _, _ = t.Userfaultfd(0); return "" })
	var failure *sim.Panic
	require.ErrorAs(t, k.exec.Settle(), &failure)
	require.ErrorContains(t, failure, "cannot be dropped together")
}

// Rules returns a copy, in the order of the rules' numbers.
func TestRulesAreACopy(t *testing.T) {
	all := uffd.Rules()
	all[0].Name = "changed"
	require.NotEqual(t, "changed", uffd.Rules()[0].Name)
	require.True(t, slices.IsSortedFunc(all, func(a, b rule.Info) int { return int(a.Rule) - int(b.Rule) }))
	for _, info := range uffd.Rules() {
		r, err := uffd.ParseRule(info.Name)
		require.NoError(t, err)
		require.Equal(t, info.Rule, r)
		require.Equal(t, info, uffd.RuleInfo(r))
	}
	_, err := uffd.ParseRule("gravity")
	require.EqualError(t, err, `no rule "gravity"`)
}

// COPY-4: a fill of a page that is there puts its own in its place once the rule is
// dropped, in ZEROPAGE too; and any other rule that is dropped leaves the fills as they
// are.
func TestDroppedRuleOfFills(t *testing.T) {
	for r, want := range map[rule.Rule]string{uffd.FirstReleasedTest: "EEXIST 'x'", mm.NeverOverwrite: "ok 0"} {
		k := newFixture(t, "2015+copy", 0)
		k.m.Dropped = rule.Of(r)
		k.p = k.newProcess()
		k.lay("A")
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		_, err = k.zeroPages(k.fds['A'], 0, 1, 0)
		k.Equal(want, result(err)+" "+k.peek(pg(0)))
		k.exec.Stop()
	}
}
