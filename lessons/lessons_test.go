package lessons_test

import (
	"fmt"
	"regexp"
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
		require.Regexp(t, regexp.MustCompile(`^\d\d-[a-z0-9-]+$`), l.Name)
		require.NotEmpty(t, l.Title, l.Name)
		require.NotEmpty(t, l.Teaches, l.Name)
		require.False(t, names[l.Name[:2]], "two lessons have the number %s", l.Name[:2])
		names[l.Name[:2]] = true
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
