package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// .ci/run explains itself, and begins no work with an argument that it does not know.
func TestUsageOfCI(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	for _, arg := range []string{"-h", "--help"} {
		out, err := exec.Command("bash", "../../.ci/run", arg).CombinedOutput()
		require.NoError(t, err, string(out))
		require.Regexp(t, `^usage: \.ci/run\n`, string(out))
	}
	out, err := exec.Command("bash", "../../.ci/run", "fast").CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, exitMistake, exit.ExitCode())
	require.Regexp(t, `^\.ci/run: unknown argument: fast\n\nusage: `, string(out))
}
