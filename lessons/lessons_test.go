package lessons_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// TestLessons runs every lesson under several interleavings and in parallel: what it
// teaches must not depend on them.
func TestLessons(t *testing.T) {
	for _, l := range lessons.All() {
		file, err := syntax.Parse(l.Name+".uffd", []byte(l.Source))
		require.NoError(t, err)
		for seed := range uint64(10) {
			t.Run(fmt.Sprintf("%s/%d", l.Name, seed), func(t *testing.T) { check(t, file, scenario.Options{Seed: seed, Check: true}) })
		}
		t.Run(l.Name+"/free", func(t *testing.T) { check(t, file, scenario.Options{Free: true, Check: true}) })
	}
}

func check(t *testing.T, file *syntax.File, opts scenario.Options) {
	t.Parallel()
	report, err := scenario.Run(file, opts)
	require.NoError(t, err)
	for _, f := range report.Failures() {
		t.Error(f.Diff())
	}
	require.NotZero(t, report.Checked(), "a lesson says what is to be seen")
}

func TestDirectives(t *testing.T) {
	names := map[string]bool{}
	for _, l := range lessons.All() {
		require.Regexp(t, regexp.MustCompile(`^h?\d\d-[a-z0-9-]+$`), l.Name)
		require.NotEmpty(t, l.Title, l.Name)
		require.NotEmpty(t, l.Teaches, l.Name)
		number, _, _ := strings.Cut(l.Name, "-")
		require.False(t, names[number], "two lessons have the number %s", number)
		names[number] = true
	}
}

func TestFind(t *testing.T) {
	for _, name := range []string{"01", "01-first-fault", "01-first-fault.uffd"} {
		l, ok := lessons.Find(name)
		require.True(t, ok)
		require.Equal(t, "01-first-fault", l.Name)
	}
	_, ok := lessons.Find("nothing")
	require.False(t, ok)
}

// A lesson is right on the default version, and has no kernel of its own. A lesson of
// history is right up to the release before each change that it is about, and wrong from
// then on.
func TestKernelsOfLessons(t *testing.T) {
	type change struct{ last, first string }
	history := map[string][]change{
		"h01": {{"2015+copy", "4.3"}},
		"h02": {{"4.9", "4.10"}},
		"h03": {{"5.6", "5.7"}},
		"h04": {{"4.10", "4.11"}},
		"h05": {{"6.3", "6.4"}, {"6.3", "6.16"}},
		"h06": {{"6.16", "6.17"}},
	}
	for _, l := range lessons.All() {
		file, err := syntax.Parse(l.Name+".uffd", []byte(l.Source))
		require.NoError(t, err)
		right := func(version string) bool {
			report, err := scenario.Run(file, scenario.Options{Kernel: version})
			return err == nil && report.OK()
		}
		if !strings.HasPrefix(l.Name, "h") {
			require.Empty(t, file.Directive("kernel"), "%s runs on the default version", l.Name)
			require.True(t, right(scenario.DefaultKernel), l.Name)
			continue
		}
		number, _, _ := strings.Cut(l.Name, "-")
		require.NotEmpty(t, history[number], l.Name)
		require.Equal(t, "2015+copy", file.Directive("kernel"), l.Name)
		for _, c := range history[number] {
			require.True(t, right(c.last), "%s on %s", l.Name, c.last)
			require.False(t, right(c.first), "%s on %s", l.Name, c.first)
			require.Contains(t, l.Title, c.first, "the title names the release")
		}
		require.False(t, right(scenario.DefaultKernel), l.Name)
	}
}
