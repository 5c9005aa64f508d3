package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A long run has a line that shows the progress. It is off the terminal while anything
// else is printed, and at the end.
func TestProgress(t *testing.T) {
	var out strings.Builder
	p := &progress{out: &out}
	p.draw(time.Hour)
	require.Empty(t, out.String(), "nothing is known")
	p.set("a.uffd: statement %d of %d", 1, 2)
	p.draw(progressDelay - 1)
	require.Empty(t, out.String(), "not a long run")
	p.draw(progressDelay)
	require.Equal(t, "\r\x1b[Ka.uffd: statement 1 of 2, 1s", out.String())
	out.Reset()
	require.NoError(t, p.print(func() error {
		_, err := out.WriteString("x\n")
		return err
	}))
	require.Equal(t, "\r\x1b[Kx\n", out.String())
	p.draw(90 * time.Second)
	out.Reset()
	p.end()
	require.Equal(t, "\r\x1b[K", out.String())
	out.Reset()
	p.end()
	require.Empty(t, out.String())
}

// Without a terminal no progress is shown.
func TestNoProgress(t *testing.T) {
	require.False(t, isTerminal(&strings.Builder{}))
	f, err := os.Create(t.TempDir() + "/x")
	require.NoError(t, err)
	defer f.Close()
	p := startProgress(f)
	require.Nil(t, p)
	p.set("x")
	ran := false
	require.NoError(t, p.print(func() error { ran = true; return nil }))
	require.True(t, ran)
	p.end()
}

// The last cell of a row is broken into lines.
func TestTable(t *testing.T) {
	long := strings.Repeat("word ", 30)
	lines := tableLines([][]string{{"é", "bb", "x"}, {"aaaa", "b", long}, {"", "", ""}})
	require.Equal(t, []string{"é     bb  x"}, lines[0])
	require.Equal(t, "aaaa  b   word", lines[1][0][:14])
	require.Equal(t, "          word", lines[1][1][:14])
	for _, line := range lines[1] {
		require.LessOrEqual(t, len(line), columns)
	}
	require.Equal(t, []string{""}, lines[2])
}
