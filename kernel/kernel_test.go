package kernel_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// API-4, REG-21: the masks that the handshake and register return.
func TestMasks(t *testing.T) {
	for name, want := range map[string]struct{ api, ranges, features uint64 }{
		"2015":      {0x8000000000000003, 0x4, 0},
		"2015+copy": {0x8000000000000003, 0x1c, 0},
		"4.3":       {0x8000000000000003, 0x1c, 0},
		"4.11":      {0x8000000000000003, 0x1c, 0x7e},
		"4.14":      {0x8000000000000003, 0x1c, 0x1fe},
		"5.7":       {0x8000000000000003, 0x5c, 0x1ff},
		"5.13":      {0x8000000000000003, 0xdc, 0x3ff},
		"5.14":      {0x8000000000000003, 0xdc, 0x7ff},
		"5.19":      {0x8000000000000003, 0xdc, 0x1fff},
		"6.18":      {0x8000000000000003, 0x1fc, 0x1ffff},
	} {
		p, ok := kernel.Lookup(name)
		require.True(t, ok, "no profile %s: add it to names in kernel/profile.go", name)
		require.Equal(t, name, p.Name)
		require.Equal(t, want.api, p.UFFD.APIIoctls, name)
		require.Equal(t, want.ranges, p.UFFD.RangeIoctls, name)
		require.Equal(t, want.features, p.UFFD.Features, name)
	}
}

func TestProfiles(t *testing.T) {
	profiles := kernel.Profiles()
	require.Equal(t, "2015", profiles[0].Name)
	require.Equal(t, "2015+copy", profiles[1].Name)
	require.Equal(t, kernel.Newest(), profiles[len(profiles)-1])
	names := map[string]bool{}
	for _, p := range profiles {
		require.False(t, names[p.Name], p.Name)
		names[p.Name] = true
		found, ok := kernel.Lookup(p.Name)
		require.True(t, ok)
		require.Equal(t, p, found)
	}
	profiles[0].Name = "mine"
	require.Equal(t, "2015", kernel.Profiles()[0].Name, "a caller cannot change the table")
	_, ok := kernel.Lookup("2016")
	require.False(t, ok)
}

// The changes add up to the profiles that are written out here.
func TestSums(t *testing.T) {
	var p kernel.Profile
	p.UFFD.APIIoctls = abi.MaskAPI | abi.MaskRegister | abi.MaskUnregister
	p.UFFD.RangeIoctls = abi.MaskWake
	p.UFFD.Flags = abi.OCloexec | abi.ONonblock
	for _, row := range []struct {
		name string
		add  func(u *uffd.Facts, m *mm.Facts)
	}{
		{"2015", func(*uffd.Facts, *mm.Facts) {}},
		{"2015+copy", func(u *uffd.Facts, _ *mm.Facts) { u.RangeIoctls |= abi.MaskCopy | abi.MaskZeropage }},
		{"4.3", func(u *uffd.Facts, _ *mm.Facts) {
			u.Handshake, u.CountsRefiles = uffd.HandshakeGated, true
			u.Signals, u.Create.PutsMM = uffd.SignalsYield, true
		}},
		{"4.11", func(u *uffd.Facts, m *mm.Facts) {
			u.Features, u.Unregister.Wakes = 0x7e, true
			u.MasksAddress, u.Pins, u.Sleep = true, uffd.PinsStruct, uffd.SleepUntilWoken
			u.MemoryGone = uffd.MemoryGoneNoSpace
			m.Fill.NotFound, m.HugeAdviceTwice = true, true
		}},
		{"4.14", func(u *uffd.Facts, m *mm.Facts) {
			u.Features |= abi.FeatureSIGBUS | abi.FeatureThreadID
			u.Released, u.MemoryGone = uffd.ReleasedNoPage, uffd.MemoryGoneNoProcess
			m.Mremap.RefusesDuplicate = true
		}},
		{"4.20", func(u *uffd.Facts, m *mm.Facts) { u.Create.ContextFirst, m.FixedNoReplace = true, true }},
		{"5.7", func(u *uffd.Facts, m *mm.Facts) {
			u.Features |= abi.FeaturePagefaultFlagWP
			u.RangeIoctls |= abi.MaskWriteprotect
			u.Signals, u.Copy.KnowsWP = uffd.SignalsByFlags, true
			m.Retries, m.InterruptibleFaults = mm.RetryForever, true
			m.Mremap.Unregisters, m.Mremap.CountsFirst = true, true
		}},
		{"5.11", func(u *uffd.Facts, m *mm.Facts) {
			m.MajorIfRetried = true
			u.Flags |= abi.UserModeOnly
			u.Sleep = uffd.SleepOnce
		}},
		{"5.14", func(u *uffd.Facts, m *mm.Facts) {
			m.Populate = mm.PopulatePassesHoles
			u.Features |= abi.FeatureMinorHugetlbfs | abi.FeatureMinorShmem
			u.RangeIoctls |= abi.MaskContinue
		}},
		{"5.17", func(u *uffd.Facts, m *mm.Facts) {
			u.Handshake, m.Mremap.NeedsMapping = uffd.HandshakeCompareExchange, true
		}},
		{"5.19", func(u *uffd.Facts, _ *mm.Facts) {
			u.Features |= abi.FeatureExactAddress | abi.FeatureWPHugetlbfsShmem
		}},
		{"6.1", func(u *uffd.Facts, m *mm.Facts) {
			u.Create.ReadOnly, u.Create.Seekable, m.Mremap.MergesGrown = true, true, true
		}},
		{"6.4", func(u *uffd.Facts, _ *mm.Facts) {
			u.Features |= abi.FeatureWPUnpopulated
			u.Register.NothingMappedInvalid, u.Register.OffsetOfRange = true, true
		}},
		{"6.8", func(u *uffd.Facts, m *mm.Facts) {
			u.Features |= abi.FeaturePoison | abi.FeatureWPAsync | abi.FeatureMove
			u.RangeIoctls |= abi.MaskPoison | abi.MaskMove
			u.Copy.ChecksSource, m.ReturnsCharge = true, true
		}},
		{"6.17", func(u *uffd.Facts, m *mm.Facts) {
			u.Unregister.OwnerOnly, u.Released = true, uffd.ReleasedRetry
			m.Populate = mm.PopulateStopsAtHole
			m.AnonVMAMerge, m.Mremap.ChecksFirst, m.Fill.PreparesFirst = mm.AnonVMAEither, true, true
		}},
		{"6.18", func(u *uffd.Facts, _ *mm.Facts) { u.LowAddress = true }},
	} {
		row.add(&p.UFFD, &p.MM)
		p.Name = row.name
		got, ok := kernel.Lookup(row.name)
		require.True(t, ok, "no profile %s: add it to names in kernel/profile.go", row.name)
		require.Equal(t, p, got, "%s: add the assignment to its row", row.name)
	}
}

// The history is in order, and each row says how it is known.
func TestHistory(t *testing.T) {
	names := map[string]bool{}
	last := []int{0, 0, 0}
	known := kernel.Profiles()
	for _, c := range kernel.Changes() {
		require.False(t, names[c.Name], c.Name)
		names[c.Name] = true
		require.True(t, strings.HasSuffix(c.Doc, "."), c.Name)
		require.NotEmpty(t, c.Src+c.Commit, "%s: neither Src nor Commit", c.Name)
		require.NotEqual(t, c.Scenario == "", c.Program == "", "%s: want a scenario or a program", c.Name)
		if c.Release == "2015+copy" {
			continue
		}
		r := release(t, c.Release)
		require.LessOrEqual(t, slices.Compare(last, r), 0, "%s is out of order", c.Name)
		last = r
		if len(c.Backports) == 0 || c.Release != "7.1" {
			require.True(t, slices.ContainsFunc(known, func(p kernel.Profile) bool { return p.Name == c.Release }),
				"%s: no profile %s: add it to names in kernel/profile.go", c.Name, c.Release)
		}
		for _, b := range c.Backports {
			require.Equal(t, 2, strings.Count(b, "."), "%s: %s is not a stable release", c.Name, b)
		}
	}
}

// A profile has the changes of its release and no others: that of the running kernel's
// series those of the running kernel, wherever it stands in the list.
func TestProfilesAreTheirReleases(t *testing.T) {
	seen := false
	for _, p := range kernel.Profiles() {
		name := p.Name
		if strings.HasPrefix(kernel.Running, name+".") {
			name, seen = kernel.Running, true
		}
		want, _ := kernel.Lookup("2015")
		for _, c := range kernel.Changes() {
			if c.In(name) {
				c.Apply(&want)
			}
		}
		want.Name = p.Name
		require.Equal(t, want, p)
	}
	require.True(t, seen, "no profile stands for %s", kernel.Running)
}

// release returns the three numbers of a release.
func release(t *testing.T, name string) []int {
	r := []int{0, 0, 0}
	n, _ := fmt.Sscanf(name, "%d.%d.%d", &r[0], &r[1], &r[2])
	require.GreaterOrEqual(t, n, 2, name)
	return r
}

// Every scenario in testdata belongs to a change, and every scenario of a change exists.
func TestEveryScenarioIsUsed(t *testing.T) {
	files, err := filepath.Glob("testdata/*.uffd")
	require.NoError(t, err)
	for _, file := range files {
		require.True(t, slices.ContainsFunc(kernel.Changes(), func(c kernel.Change) bool {
			return c.Scenario == "kernel/"+file
		}), file)
	}
	for _, c := range kernel.Changes() {
		if c.Scenario != "" {
			_, err := os.Stat(filepath.Join("..", c.Scenario))
			require.NoError(t, err)
		}
	}
}

// A program reads the facts of a profile.
func ExampleLookup() {
	for _, name := range []string{"2015", "2015+copy"} {
		p, _ := kernel.Lookup(name)
		fmt.Printf("%s: copy %v, range %#x\n", p.Name, p.UFFD.Offers(abi.MaskCopy), p.UFFD.RangeIoctls)
	}
	// Output:
	// 2015: copy false, range 0x4
	// 2015+copy: copy true, range 0x1c
}
