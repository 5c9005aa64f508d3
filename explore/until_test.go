package explore_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/uffd"
)

// Since the change that a rule's field "until" names, dropping the rule alters no outcome
// of its program, on mainline and on every stable release with the change. On the release
// before, it does.
func TestRuleHasNoEffectSince(t *testing.T) {
	for _, info := range uffd.Rules() {
		if info.Until == "" {
			continue
		}
		t.Run(info.Name, func(t *testing.T) {
			change := changeNamed(t, info.Until)
			for _, version := range append(change.Backports, change.Release, kernel.Newest().Name) {
				requireNoEffect(t, info, version)
			}
			requireEffect(t, info, releaseBefore(t, change.Release))
		})
	}
}

// A rule without the field "until" still prevents its failure on the newest kernel.
func TestRuleHasAnEffectToday(t *testing.T) {
	for _, info := range uffd.Rules() {
		if info.Until == "" && info.Symptom != rule.Nothing {
			t.Run(info.Name, func(t *testing.T) { requireEffect(t, info, kernel.Newest().Name) })
		}
	}
}

// Before the release that a rule's field "since" names, dropping the rule has no effect.
func TestRuleHasNoEffectBefore(t *testing.T) {
	for _, info := range uffd.Rules() {
		if info.Since != kernel.Changes()[0].Release {
			t.Run(info.Name, func(t *testing.T) { requireSameOutcomes(t, info, releaseBefore(t, info.Since)) })
		}
	}
}

func changeNamed(t *testing.T, name string) kernel.Change {
	for _, c := range kernel.Changes() {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "kernel/history.go has no change of that name", name)
	return kernel.Change{}
}

// releaseBefore returns the last release before one at which something changed.
func releaseBefore(t *testing.T, release string) string {
	i := slices.IndexFunc(kernel.Profiles(), func(p kernel.Profile) bool { return p.Name == release })
	require.Positive(t, i, release)
	return kernel.Profiles()[i-1].Name
}

// searches runs the rule's program on a version, without the rule and with it.
func searches(t *testing.T, info rule.Info, version string) (without, with *explore.Result) {
	opts := [2]explore.Options{explore.Without(info.Rule), explore.With(info.Rule)}
	var results [2]*explore.Result
	for i := range opts {
		opts[i].Version = version
		r, err := explore.Search(explore.SetupFor(info.Rule), opts[i])
		require.NoError(t, err)
		results[i] = r
	}
	return results[0], results[1]
}

// requireSameOutcomes fails the test unless the program ends alike without the rule and
// with it.
func requireSameOutcomes(t *testing.T, info rule.Info, version string) (without, with *explore.Result) {
	t.Helper()
	without, with = searches(t, info, version)
	require.Equal(t, with.Failure == nil, without.Failure == nil, "%s: a failure", version)
	require.Equal(t, slices.Sorted(maps.Keys(with.Outcomes)), slices.Sorted(maps.Keys(without.Outcomes)), "%s: outcomes", version)
	return without, with
}

func requireNoEffect(t *testing.T, info rule.Info, version string) {
	t.Helper()
	without, with := requireSameOutcomes(t, info, version)
	require.Nil(t, without.Failure, version)
	require.True(t, with.Covered && without.Covered, version)
}

// requireEffect fails the test unless the program fails without the rule. If the rule
// prevents nothing, other outcomes or other states are enough.
func requireEffect(t *testing.T, info rule.Info, version string) {
	t.Helper()
	if info.Symptom != rule.Nothing {
		opts := explore.Without(info.Rule)
		opts.Version = version
		r, err := explore.Exhibit(info.Rule, opts)
		require.NoError(t, err)
		require.NotNil(t, r.Failure, version)
		return
	}
	without, with := searches(t, info, version)
	require.True(t, without.Failure != nil || without.States != with.States ||
		!maps.Equal(with.Outcomes, without.Outcomes), version)
}
