package main

import (
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
)

func TestVersionOfProgram(t *testing.T) {
	var b strings.Builder
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123abcd"}, {Key: "vcs.time", Value: "2026-11-28T11:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	writeVersion(&b, info)
	require.Regexp(t, `^uffdsim v1\.2\.3
revision 0123abcd \(modified\)
committed 2026-11-28T11:00:00Z
go1\.26\.8 \S+/\S+
$`, b.String())
	b.Reset()
	writeVersion(&b, nil)
	require.Regexp(t, `^uffdsim \(devel\)
revision unknown \(built without version control\)
go\S+ \S+/\S+
$`, b.String())
}

// The name of a feature finds the change that introduced it.
func TestVersionsOfFeatures(t *testing.T) {
	for feature, want := range map[string]string{
		"PAGEFAULT_FLAG_WP": "feature-wp", "EVENT_FORK": "features-and-events", "EVENT_REMAP": "", // mremap-unregisters names it, too
		"EVENT_REMOVE": "features-and-events", "MISSING_HUGETLBFS": "features-and-events", "MISSING_SHMEM": "features-and-events",
		"EVENT_UNMAP": "features-and-events", "SIGBUS": "feature-sigbus", "THREAD_ID": "feature-thread-id",
		"MINOR_HUGETLBFS": "feature-minor-hugetlbfs", "MINOR_SHMEM": "feature-minor-shmem", "EXACT_ADDRESS": "feature-exact-address",
		"WP_HUGETLBFS_SHMEM": "feature-wp-hugetlbfs-shmem", "WP_UNPOPULATED": "feature-wp-unpopulated", "POISON": "feature-poison",
		"WP_ASYNC": "feature-wp-async", "MOVE": "feature-move", "USER_MODE_ONLY": "user-mode-only",
	} {
		for _, prefix := range []string{"", "UFFD_FEATURE_"} {
			found := about(kernel.Changes(), prefix+feature)
			require.NotEmpty(t, found, feature)
			if want != "" {
				require.Len(t, found, 1, feature)
				require.Equal(t, want, found[0].Name)
			}
		}
	}
}
