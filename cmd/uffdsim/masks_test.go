package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestMaskDifference(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"0 {ioctls=WAKE}", "0 {ioctls=WAKE|COPY|MOVE}", ", and ioctls COPY|MOVE"},
		{"0 {ioctls=WAKE|COPY}", "0 {ioctls=COPY}", ", without ioctls WAKE"},
		{"0 {features=0, ioctls=API|REGISTER}", "0 {features=SIGBUS, ioctls=API}", ", and features SIGBUS, without ioctls REGISTER"},
		{"0 {features=WP_ASYNC, ioctls=API}", "0 {features=0, ioctls=API}", ", without features WP_ASYNC"},
		{"32 {PAGEFAULT address=0x1000 flags=WRITE}", "32 {PAGEFAULT address=0x1000 flags=WRITE|WP}", ", and flags WP"},
	} {
		got, ok := maskDifference(c.from, c.to)
		require.True(t, ok, c.to)
		require.Equal(t, c.want, got)
	}
	for _, c := range [][2]string{
		{"3", "4"},
		{"0 {ioctls=WAKE}", "0 {ioctls=WAKE}"},
		{"0 {ioctls=WAKE}", "0 {ioctls=COPY}"},
		{"0 {ioctls=WAKE}", "-1 EINVAL (Invalid argument)"},
		{"0 {ioctls=WAKE}", "1 {ioctls=WAKE|COPY}"},
		{"0 {features=A, ioctls=WAKE}", "0 {ioctls=WAKE|COPY}"},
		{"0 {copy=4096}", "0 {copy=0}"},
	} {
		_, ok := maskDifference(c[0], c[1])
		require.False(t, ok, c[1])
	}
}

// A long answer is broken behind spaces and between the names of a mask.
func TestPrintAnswer(t *testing.T) {
	var out strings.Builder
	printAnswer(&out, "5.4", "0 {features="+strings.Repeat("FEATURE|", 20)+"LAST, ioctls=0}\n  second line")
	printAnswer(&out, strings.Repeat("6.1, ", 30)+"6.18", strings.Repeat("x", 90))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 7)
	for _, line := range lines[:6] {
		require.LessOrEqual(t, utf8.RuneCountInString(line), columns, line)
	}
	require.Contains(t, lines[2], "FEATURE|LAST, ioctls=0}")
	require.Equal(t, strings.Repeat(" ", 25)+"second line", lines[3])
	require.Equal(t, strings.Repeat(" ", 23)+strings.Repeat("x", 90), lines[6], "it cannot be broken")
}
