//go:build linux || darwin

package mail_test

import (
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A letter for which there is no room leaves nothing behind that a shorter one would be taken
// together with.
func TestALetterIsWrittenWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	limitFiles(t, 1000, func() {
		require.ErrorContains(t, b.Send(note{Text: strings.Repeat("long", 500)}), "part-1.jsonl: ")
	})
	require.NoError(t, b.Send(note{Text: "short"}))
	require.Equal(t, map[int][]note{1: {{Text: "short"}}}, received(t, a))
}

// limitFiles does something while no file may become longer than so many bytes.
func limitFiles(t *testing.T, bytes uint64, do func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}))
	do()
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before))
}
