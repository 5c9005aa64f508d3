package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	notUpdated = "fd = userfaultfd(0)\n"
	updated    = "fd = userfaultfd(0) = 3\n"
)

// readFile returns the text of a file.
func readFile(t *testing.T, path string) string {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// names returns the names of the files in a directory.
func namesIn(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// --update keeps the permissions and what a symbolic link leads to, and leaves no other
// file.
func TestUpdateKeepsTheFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.uffd")
	require.NoError(t, os.WriteFile(path, []byte(notUpdated), 0o600))
	require.NoError(t, os.Chmod(path, 0o640))
	link := filepath.Join(dir, "link.uffd")
	require.NoError(t, os.Symlink("a.uffd", link))
	var out, errOut strings.Builder
	require.Equal(t, exitFine, execute([]string{"run", "--update", link}, strings.NewReader(""), &out, &errOut), errOut.String())
	require.Equal(t, updated, readFile(t, path))
	info, err := os.Lstat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o640), info.Mode())
	}
	info, err = os.Lstat(link)
	require.NoError(t, err)
	require.Equal(t, os.ModeSymlink, info.Mode().Type())
	require.Equal(t, []string{"a.uffd", "link.uffd"}, namesIn(t, dir))
}

// Trouble leaves the old text, and no other file.
func TestUpdateWithTrouble(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.uffd")
	require.NoError(t, os.WriteFile(path, []byte("edited meanwhile\n"), 0o600))
	require.ErrorContains(t, updateFile(path, []byte(notUpdated), []byte(updated)), "a.uffd was changed while it ran, and is left alone")
	require.Equal(t, "edited meanwhile\n", readFile(t, path))

	require.ErrorContains(t, updateFile(filepath.Join(dir, "01"), nil, nil), "a lesson cannot be written to")
	require.ErrorContains(t, replaceFile(filepath.Join(dir, "nowhere", "a"), nil, 0o600), "nowhere")
	require.Equal(t, []string{"a.uffd"}, namesIn(t, dir))

	require.NoError(t, os.Mkdir(filepath.Join(dir, "taken"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "taken", "x"), nil, 0o600))
	require.Error(t, replaceFile(filepath.Join(dir, "taken"), []byte("text"), 0o600), "it cannot be renamed to a directory")
	require.Equal(t, []string{"a.uffd", "taken"}, namesIn(t, dir))
}

// A file that may not be written to is not replaced, although its directory would allow
// it.
func TestUpdateOfAReadOnlyFile(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write to every file")
	}
	path := filepath.Join(t.TempDir(), "a.uffd")
	require.NoError(t, os.WriteFile(path, []byte(notUpdated), 0o400))
	require.ErrorContains(t, updateFile(path, []byte(notUpdated), []byte(updated)), "permission denied")
	require.Equal(t, notUpdated, readFile(t, path))
}

// A scenario with a mistake, a failure to run, or a finding is not written to.
func TestUpdateOfABrokenScenario(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"mistake.uffd": "poll(0)\nnonsense()\n",
		"early.uffd":   "poll(0)\nfd = userfaultfd(0)\nclose(fd)\nx: y\n",
		"empty.uffd":   "",
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		var out, errOut strings.Builder
		execute([]string{"run", "--update", path}, strings.NewReader(""), &out, &errOut)
		require.Equal(t, text, readFile(t, path), errOut.String())
	}
	path := filepath.Join(dir, "finding.uffd")
	require.NoError(t, os.WriteFile(path, []byte(notUpdated), 0o600))
	var out, errOut strings.Builder
	require.Equal(t, exitFailed, execute([]string{"run", "--update", "--steps", "1", path}, strings.NewReader(""), &out, &errOut))
	require.Contains(t, out.String(), "FAIL")
	require.Equal(t, notUpdated, readFile(t, path))
}
