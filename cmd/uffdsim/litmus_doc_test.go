package main

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/litmus.md shows what the commands on the scenarios of litmus/ print: among them
// the tables of all versions. -update rewrites it.
func TestLitmusDocument(t *testing.T) {
	if testing.Short() {
		t.Skip("explores on all versions")
	}
	t.Chdir("../..")
	const name = "docs/litmus.md"
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	shown := regexp.MustCompile(`(?m)^    \$ uffdsim (explore litmus/.*)\n((?:\n?    .*\n)*)`)
	commands := 0
	now := shown.ReplaceAllStringFunc(string(text), func(block string) string {
		commands++
		line := shown.FindStringSubmatch(block)[1]
		var out strings.Builder
		root := newRoot()
		root.SetArgs(words(line))
		root.SetOut(&out)
		root.SetErr(io.Discard)
		if err := root.Execute(); err != nil {
			require.ErrorIs(t, err, errFailed, line)
		}
		printed := regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(out.String(), "    $1")
		return "    $ uffdsim " + line + "\n" + printed
	})
	require.Equal(t, 4, commands)
	if *update {
		require.NoError(t, os.WriteFile(name, []byte(now), 0o644))
		return
	}
	require.Equal(t, string(text), now, "go test ./cmd/uffdsim -run TestLitmusDocument -update")
}

// words splits a command line as a shell does, with single quotes alone.
func words(line string) (all []string) {
	for _, w := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
		all = append(all, strings.Trim(w, "'"))
	}
	return all
}
