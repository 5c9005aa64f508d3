package syntax_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

func TestMatch(t *testing.T) {
	for _, test := range []struct {
		want, got string
		ok        bool
	}{
		{"0", "0", true},
		{"0", "1", false},
		{"-1  EINVAL (Invalid\targument)", "-1 EINVAL (Invalid argument)", true},
		{"...", "anything", true},
		{"...", "", true},
		{"0 {ioctls=...}", "0 {ioctls=WAKE}", true},
		{"0 {ioctls=...}", "0 {features=0}", false},
		{"a...b...c", "a1b2c", true},
		{"a...b...c", "a1c2b", false},
		{"a...a", "a", false},
		{"ab...", "a", false},
	} {
		require.Equal(t, test.ok, syntax.Match(test.want, test.got), "%q %q", test.want, test.got)
	}
}

func TestMatchBlock(t *testing.T) {
	lines := func(s ...string) []string { return s }
	require.True(t, syntax.MatchBlock(nil, nil))
	require.False(t, syntax.MatchBlock(nil, lines("a")))
	require.False(t, syntax.MatchBlock(lines("a"), nil))
	require.True(t, syntax.MatchBlock(lines("a", "b ..."), lines("a", "b c")))
	require.True(t, syntax.MatchBlock(lines("..."), nil))
	require.True(t, syntax.MatchBlock(lines("a", "...", "d"), lines("a", "b", "c", "d")))
	require.False(t, syntax.MatchBlock(lines("a", "...", "d"), lines("a", "b", "c")))
	require.False(t, syntax.MatchBlock(lines("b", "..."), lines("a", "b")))
	require.True(t, syntax.MatchBlock(lines("...", "b", "c", "...", "c"), lines("b", "a", "b", "c", "c")))
	require.False(t, syntax.MatchBlock(lines("...", "c", "...", "c"), lines("a", "c")))
	many := strings.Split(strings.Repeat("...,x,", 200)+"y", ",")
	require.False(t, syntax.MatchBlock(many, many[:len(many)-1]), "and at once, too")
}

// Only the answers change. Comments, alignment and wildcards that still hold stay.
func TestRewrite(t *testing.T) {
	const before = "# head\r\n" +
		"f(1)      = 0   # a comment\n" +
		"g(2)   # no answer yet\n" +
		"t1        = loaded '#'\n" +
		"h()       = 0 {ioctls=...}\n" +
		"maps()\n" +
		"    old\n" +
		"    older\n" +
		"\n" +
		"queues()\n" +
		"    ...\n" +
		"last()"
	const after = "# head\r\n" +
		"f(1)      = -1 EINVAL  # a comment\n" +
		"g(2) = 7  # no answer yet\n" +
		"t1        = blocked\n" +
		"h()       = 0 {ioctls=...}\n" +
		"maps()\n" +
		"    new\n" +
		"\n" +
		"queues()\n" +
		"    ...\n" +
		"last()\n" +
		"    out\n"
	f, err := syntax.Parse("x", []byte(before))
	require.NoError(t, err)
	got := f.Rewrite(map[int]syntax.Answer{
		0: {Text: "-1 EINVAL"},
		1: {Text: "7"},
		2: {Text: "blocked"},
		3: {Text: "0 {ioctls=WAKE}"},
		4: {Block: []string{"new"}},
		5: {Block: []string{"anything"}},
		6: {Block: []string{"out"}},
	})
	require.Equal(t, after, string(got))
	again, err := syntax.Parse("x", got)
	require.NoError(t, err)
	require.Equal(t, after, string(again.Rewrite(expected(again))), "what was written is what is read")
}
