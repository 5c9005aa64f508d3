package main

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// full is a writer on a device without space.
type full struct{ room int }

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	if f.room < len(p) {
		return 0, errFull
	}
	f.room -= len(p)
	return len(p), nil
}

// A command whose output is lost does not succeed.
func TestLostOutputIsAnError(t *testing.T) {
	for _, args := range [][]string{{"list"}, {"rules"}, {"run", "01"}, {"run", "--json", "01"}, {"explain", "FAULT-6"}, {"ops"}, {"versions"}, {"help"}} {
		for _, room := range []int{0, 500} {
			var errOut bytes.Buffer
			code := execute(args, bytes.NewReader(nil), &full{room}, &errOut)
			require.Equal(t, exitMistake, code, "%v", args)
			require.Contains(t, errOut.String(), errFull.Error(), "%v", args)
		}
		require.Equal(t, exitFine, execute(args, bytes.NewReader(nil), io.Discard, io.Discard), "%v", args)
	}
}
