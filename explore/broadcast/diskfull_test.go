//go:build linux || darwin

package broadcast_test

import (
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A message that does not fit on the disk leaves nothing in the file. Otherwise the next
// message would be appended to its beginning.
func TestAMessageIsWrittenInFullOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	limitFiles(t, 1000, func() {
		require.ErrorContains(t, b.Send(note{Text: strings.Repeat("long", 500)}), "shard-1.jsonl: ")
	})
	require.NoError(t, b.Send(note{Text: "short"}))
	require.Equal(t, map[int][]note{1: {{Text: "short"}}}, received(t, a))
}

// limitFiles calls do with a limit on the length of files.
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
