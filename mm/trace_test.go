package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestModes(t *testing.T) {
	for flags, want := range map[VMFlags]string{
		0: "", VMRead: "", VMUffdMissing: "missing", VMUffdWP: "wp", VMUffdMissing | VMUffdWP | VMRead: "missing+wp",
	} {
		require.Equal(t, want, flags.Modes())
	}
}
