package main

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestFolded(t *testing.T) {
	cause := errors.New(strings.Repeat("one of these permits it; ", 12) + "\nthe next line")
	err := folded{cause}
	require.ErrorIs(t, err, cause)
	lines := strings.Split(err.Error(), "\n")
	require.Greater(t, len(lines), 3)
	for i, line := range lines {
		require.LessOrEqual(t, utf8.RuneCountInString(line), columns)
		require.Equal(t, i > 0 && i < len(lines)-1, strings.HasPrefix(line, "    "), line)
	}
	require.Equal(t, "the next line", lines[len(lines)-1])
}
