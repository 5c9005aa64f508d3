package scenario_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// The check of a scenario ends after the maximal number of mistakes, even within a line.
func TestManyMistakes(t *testing.T) {
	const lines = 10_000
	unknown := "fd = userfaultfd(0)\n"
	for i := range lines {
		unknown += fmt.Sprintf("close(f%d)\n", i)
	}
	for name, c := range map[string]struct{ src, last string }{
		"unknown names":      {unknown, "22:7"},
		"unknown operations": {strings.Repeat("q()\n", lines), "21:1"},
		"unknown flags":      {"mmap(NULL, 1p, " + strings.Repeat("PROT_REED|", 6000) + "0, MAP_PRIVATE)", "1:216"},
		"unknown fields":     {"ioctl(3, UFFDIO_WAKE, {" + strings.Repeat("strat=1, ", 7000) + "})", "1:204"},
		"unknown directives": {strings.Repeat("#! kernle: 2015\n", lines) + "q()", "21:1"},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := syntax.Parse("f", []byte(c.src))
			require.NoError(t, err)
			_, err = scenario.NewSession(file, scenario.Options{})
			var all syntax.Errors
			require.ErrorAs(t, err, &all)
			require.Len(t, all, syntax.MaxErrors+1)
			require.EqualError(t, all[syntax.MaxErrors], "f:"+c.last+": more than 20 mistakes: the rest of the file is not checked")
		})
	}
}

// Words that are no names may have any length. Messages shorten them.
func TestLongWords(t *testing.T) {
	word := strings.Repeat("k", 60_000)
	for src, want := range map[string]string{
		"#! " + word + ": 1\nmaps()":      `"` + word[:syntax.MaxName] + `..."`,
		"#! kernel: " + word + "\nmaps()": `"` + word[:40] + `"...`,
	} {
		file, err := syntax.Parse("f", []byte(src))
		require.NoError(t, err)
		_, err = scenario.NewSession(file, scenario.Options{})
		require.ErrorContains(t, err, want)
		require.Less(t, len(err.Error()), 200)
	}
}

// leaving is a context that is done after a number of calls of Err.
type leaving struct {
	context.Context
	left int
}

func (l *leaving) Err() error {
	if l.left--; l.left < 0 {
		return context.Canceled
	}
	return nil
}

// The check of a scenario ends with its context, between two statements.
func TestCheckIsCancelled(t *testing.T) {
	file, err := syntax.Parse("f", []byte("q()\n"+strings.Repeat("maps()\n", 10_000)))
	require.NoError(t, err)
	ctx := &leaving{t.Context(), 100}
	_, err = scenario.NewSessionContext(ctx, file, scenario.Options{})
	require.Equal(t, context.Canceled, err, "and not the mistake of the first line")
	require.Equal(t, -1, ctx.left, "it has been asked once after its end")
}
