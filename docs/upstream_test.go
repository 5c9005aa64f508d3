package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The reproducer of docs/upstream compiles without warnings, explains itself, and stays
// short enough to be read as part of a mail.
func TestReproducer(t *testing.T) {
	const source = "upstream/lost-wakeup.c"
	text, err := os.ReadFile(source)
	require.NoError(t, err)
	require.LessOrEqual(t, strings.Count(string(text), "\n"), 200)
	compiler := ""
	for _, name := range []string{"gcc", "cc"} {
		if path, err := exec.LookPath(name); err == nil {
			compiler = path
			break
		}
	}
	if compiler == "" {
		t.Skip("SKIPPED: " + source + " has not been compiled: neither gcc nor cc is installed")
	}
	if _, err := os.Stat("/usr/include/linux/userfaultfd.h"); err != nil {
		t.Skip("SKIPPED: "+source+" has not been compiled: ", err)
	}
	program := filepath.Join(t.TempDir(), "lost-wakeup")
	out, err := exec.Command(compiler, "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", program, source).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(program, "-h").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "usage: lost-wakeup [-hns]")
	require.Contains(t, readDocument(t, "docs/upstream/report.md"), "cc -O2 -pthread -o lost-wakeup lost-wakeup.c")
	err = exec.Command(program, "-x").Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 2, exit.ExitCode(), "wrong usage")
}
