package kernel_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Each change alters the transcript of its scenario, or the set of outcomes of its
// program.
func TestEveryChangeShows(t *testing.T) {
	sum, _ := kernel.Lookup("2015")
	for _, c := range kernel.Changes() {
		before, after := sum, sum
		c.Apply(&after)
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, before, after, "the change assigns nothing new")
			show := func(p kernel.Profile) string { return transcript(t, p, c.Scenario) }
			if c.Program != "" {
				show = func(p kernel.Profile) string { return outcomes(t, p, c.Program) }
			}
			require.NotEqual(t, show(before), show(after))
		})
		sum = after
	}
}

// The expected results in the scenarios of testdata are those of the profile that each
// scenario names in its directive.
func TestScenariosHaveTheirAnswers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.uffd")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		file, err := syntax.Parse(path, text)
		require.NoError(t, err)
		report, err := scenario.Run(file, scenario.Options{Check: true, Steps: 20_000})
		require.NotNil(t, report, "%v: a new profile belongs in names in kernel/profile.go", err)
		for _, r := range report.Failures() {
			if r.Finding == nil { // a scenario may show a run that does not settle
				t.Error(r.Diff())
			}
		}
	}
}

// transcript returns every answer of a scenario, then the finding and the error that
// ended it early, if any.
func transcript(t *testing.T, p kernel.Profile, path string) string {
	text, err := os.ReadFile(filepath.Join("..", path))
	require.NoError(t, err)
	file, err := syntax.Parse(path, text)
	require.NoError(t, err)
	report, err := scenario.Run(file, scenario.Options{Profile: &p, Steps: 20_000})
	require.NotNil(t, report, err) // nil if the file has an error, such as an unknown profile
	var b strings.Builder
	for i := range report.Results {
		fmt.Fprintln(&b, report.Results[i].Statement(), report.Results[i].Whole())
	}
	if f := report.Finding(); f != nil {
		fmt.Fprintln(&b, "finding:", f.What)
	}
	if err != nil {
		fmt.Fprintln(&b, "ends early:", err)
	}
	return b.String()
}

// outcomes returns the set of a program's outcomes over every interleaving, or the
// failure of one of them.
func outcomes(t *testing.T, p kernel.Profile, name string) string {
	search := func(s *explore.Setup, o explore.Options) (*explore.Result, error) { return explore.Search(s, o) }
	opts := explore.Options{Profile: &p}
	setup := explore.FindSetup(name)
	if local, ok := programs[name]; ok {
		setup = local.setup
		if local.sampled {
			opts.Budget = time.Second // enough to see every outcome or a failure
			search = func(s *explore.Setup, o explore.Options) (*explore.Result, error) { return explore.Sample(s, o, 1, 0) }
		}
	}
	require.NotNil(t, setup, name)
	r, err := search(setup, opts)
	require.NoError(t, err)
	if r.Failure != nil {
		return r.Failure.Err.Error()
	}
	require.True(t, r.Covered || programs[name].sampled, "%s: every interleaving", name)
	return strings.Join(slices.Sorted(maps.Keys(r.Outcomes)), "\n")
}
