package broadcast_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore/broadcast"
)

type note struct {
	Text string
	N    []uint64
}

// received returns the messages that have arrived, by sender.
func received(t *testing.T, b *broadcast.Member[note]) map[int][]note {
	t.Helper()
	got := map[int][]note{}
	require.NoError(t, b.Receive(func(from int, n note) bool {
		got[from] = append(got[from], n)
		return true
	}))
	return got
}

func join(t *testing.T, dir string, me, n int) *broadcast.Member[note] {
	t.Helper()
	b, err := broadcast.Join[note](dir, me, n, "toys")
	require.NoError(t, err)
	return b
}

func TestEachMessageOnceAndInOrder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	a, b := join(t, dir, 0, 3), join(t, dir, 1, 3)
	require.Empty(t, received(t, a))
	require.NoError(t, b.Send(note{Text: "one", N: []uint64{1<<64 - 1}}))
	require.NoError(t, b.Send(note{Text: "two\n\"", N: []uint64{0, 1<<53 + 1}}))
	require.Equal(t, map[int][]note{1: {{"one", []uint64{1<<64 - 1}}, {"two\n\"", []uint64{0, 1<<53 + 1}}}}, received(t, a))
	require.Empty(t, received(t, a))
	require.Empty(t, received(t, b), "a member does not receive its own messages")
	c := join(t, dir, 2, 3) // late, and still receives everything
	require.NoError(t, a.Send(note{Text: "three"}))
	require.Equal(t, map[int][]note{0: {{Text: "three"}}, 1: {{"one", []uint64{1<<64 - 1}}, {"two\n\"", []uint64{0, 1<<53 + 1}}}}, received(t, c))
}

func TestRefusedMessagesAreDeliveredAgain(t *testing.T) {
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	for _, text := range []string{"take", "refuse", "after"} {
		require.NoError(t, b.Send(note{Text: text}))
	}
	var got []string
	take := func(_ int, n note) bool {
		got = append(got, n.Text)
		return n.Text != "refuse"
	}
	require.NoError(t, a.Receive(take))
	require.NoError(t, a.Receive(take))
	require.Equal(t, []string{"take", "refuse", "refuse"}, got)
	require.Equal(t, map[int][]note{1: {{Text: "refuse"}, {Text: "after"}}}, received(t, a))
}

// Another machine may see the beginning of a line before the rest.
func TestHalfALineIsNoMessage(t *testing.T) {
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	require.NoError(t, b.Send(note{Text: "whole"}))
	add := func(text string) {
		f, err := os.OpenFile(filepath.Join(dir, "shard-1.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
		require.NoError(t, err)
		_, err = f.WriteString(text)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	add(`{"Text":"ha`)
	require.Equal(t, map[int][]note{1: {{Text: "whole"}}}, received(t, a))
	add("lf\"}\n")
	require.Equal(t, map[int][]note{1: {{Text: "half"}}}, received(t, a))
}

// The pieces of a long line may arrive in any order. Missing pieces read as zeros.
func TestALineWithAHoleIsNoMessage(t *testing.T) {
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	received(t, a)
	f, err := os.OpenFile(filepath.Join(dir, "shard-1.jsonl"), os.O_WRONLY, 0)
	require.NoError(t, err)
	begin, err := f.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("late\"}\n"), begin+9)
	require.NoError(t, err)
	require.Empty(t, received(t, a))
	_, err = f.WriteAt([]byte("{\"Text\":\""), begin)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, b.Send(note{Text: "next"}))
	require.Equal(t, map[int][]note{1: {{Text: "late"}, {Text: "next"}}}, received(t, a))
}

// A file that was removed or replaced is an error.
func TestRemovedFiles(t *testing.T) {
	none := func(int, note) bool { return true }
	dir := t.TempDir()
	a, b := join(t, dir, 0, 2), join(t, dir, 1, 2)
	require.NoError(t, b.Send(note{Text: "read"}))
	received(t, a)
	require.NoError(t, os.Remove(filepath.Join(dir, "shard-1.jsonl")))
	require.ErrorContains(t, a.Receive(none), "shard-1.jsonl was removed")
	join(t, dir, 1, 2)
	require.ErrorContains(t, a.Receive(none), "shard-1.jsonl is shorter than before")

	require.NoError(t, os.RemoveAll(dir))
	require.ErrorIs(t, a.Send(note{}), fs.ErrNotExist)
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	a := join(t, dir, 0, 3)
	_, err := broadcast.Join[note](dir, 0, 3, "toys")
	require.ErrorContains(t, err, "shard-0.jsonl exists")
	_, err = broadcast.Join[note](dir, 1, 3, "tools")
	require.ErrorContains(t, err, "shard-0.jsonl is about another subject: toys, not tools")
	require.NoFileExists(t, filepath.Join(dir, "shard-1.jsonl"), "the others are not disturbed")

	none := func(int, note) bool { return true }
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shard-1.jsonl"), []byte("{\"Subject\":\"tools\"}\n"), 0o666))
	require.ErrorContains(t, a.Receive(none), "shard-1.jsonl is about another subject: tools, not toys")

	require.NoError(t, os.Remove(filepath.Join(dir, "shard-1.jsonl")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shard-2.jsonl"), []byte("{\"Subject\":\"toys\"}\n{\"Text\":1}\n"), 0o666))
	require.ErrorContains(t, a.Receive(none), "shard-2.jsonl: byte 19: ")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o666))
	_, err = broadcast.Join[note](filepath.Join(dir, "file"), 0, 2, "toys")
	require.Error(t, err)
}

// What stands in a peer's place without being a file is refused: a pipe would block the
// search, and a device would never end.
func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	a := join(t, dir, 0, 2)
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "shard-1.jsonl")))
	err := a.Receive(func(int, note) bool { return true })
	require.ErrorContains(t, err, "shard-1.jsonl is not a regular file")
}
