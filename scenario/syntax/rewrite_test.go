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
		{"0 ...", "0", true},
		{"0 ...", "0 {copy=4096}", true},
		{"0 ...", "01", false},
		{"... b", "b", true},
		{"a ... b", "a b", true},
		{"a ... b", "ab", false},
		{"a ... ... b", "a b", true},
		{"a...b", "ab", true},
		{"a... b", "ab", false},
		{"a ... b ... c", "a b c", true},
		{"a ... b ... c", "a xb c", false},
		{"", "", true},
		{"", "a", false},
		{"...", "...", true},
		{"a....", "a.", true},
		{"......", "", true},
		{"a ...... b", "a b", true},
		{"-1 ESPIPE", "-1 ESPIPE (Illegal seek)", true},
		{"-1 ESPIPE (Illegal seek)", "-1 ESPIPE (Illegal seek)", true},
		{"-1 ESPIPE (Invalid argument)", "-1 ESPIPE (Illegal seek)", false},
		{"-1 ESPIPE (Illegal", "-1 ESPIPE (Illegal seek)", false},
		{"-1 EINVAL", "-1 ESPIPE (Illegal seek)", false},
		{"-1", "-1 ESPIPE (Illegal seek)", false},
		{"-1 ESPIPE (Illegal seek)", "-1 ESPIPE", false},
		{"-1 EAGAIN {copy=8192}", "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}", true},
		{"-1 EAGAIN {copy=...}", "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}", true},
		{"-1 EAGAIN {copy=4096}", "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}", false},
		{"-1 EAGAIN (Try again) {copy=8192}", "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}", false},
		{"-1 EAGAIN", "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}", false},
		{"-1 E2BIG ...", "-1 E2BIG (Argument list too long)", true},
		{"0x802", "0x802 (flags O_RDWR|O_NONBLOCK)", false},
		{"-1 Einval", "-1 Einval (an error)", false},
		{"-1 EINVAL x", "-1 EINVAL (x", false},
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
	require.False(t, syntax.MatchBlock(many, many[:len(many)-1]), "and does not take long")
}

// Only the answers change. Comments, alignment and wildcards that still match stay.
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
	require.Equal(t, after, string(again.Rewrite(expected(again))), "Parse reads what Rewrite has written")
}

// Text that the language cannot express becomes a wildcard. The expectation of a
// statement without a result is removed.
func TestRewriteOddAnswers(t *testing.T) {
	for _, test := range []struct {
		src    string
		answer syntax.Answer
		want   string
	}{
		{"f() = 3  # c\n", syntax.Answer{}, "f()  # c\n"},
		{"f() = ...\n", syntax.Answer{}, "f() = ...\n"},
		{"f()\n", syntax.Answer{Text: " a # b "}, "f() = a ... b\n"},
		{"f()\n", syntax.Answer{Text: `'#' "#`}, "f() = '#' ...\n"},
		{"f() = 3 # c\n", syntax.Answer{Text: "can't"}, "f() = can...t  # c\n"},
		{"f()\n", syntax.Answer{Text: "..#"}, "f() = ...\n"},
		{"f()\n", syntax.Answer{Text: "a\nb\x00c\xff"}, "f() = a b...c...\n"},
		{"t1 = x\n", syntax.Answer{Text: "killed(SIGBUS)"}, "t1 = ...killed(SIGBUS)\n"},
		{"t1: f()\n", syntax.Answer{Text: "killed(SIGBUS)"}, "t1: f() = killed(SIGBUS)\n"},
		{"f()\n", syntax.Answer{Block: []string{"a", " ", "# b", "it's #1"}}, "f()\n    a\n    ...\n    ...# b\n    it's #1\n"},
		{"f()\r\n\told\r\n", syntax.Answer{Block: []string{"new", "newer"}}, "f()\r\n\tnew\r\n\tnewer\r\n"},
		{"# c\r\nf()", syntax.Answer{Block: []string{"new"}}, "# c\r\nf()\r\n    new\r\n"},
		{"f()\n    old", syntax.Answer{}, "f()\n"},
		{"f()\r", syntax.Answer{Block: []string{"new"}}, "f()\r\n    new\n"},
	} {
		f, err := syntax.Parse("x", []byte(test.src))
		require.NoError(t, err)
		require.Equal(t, test.want, string(f.Rewrite(map[int]syntax.Answer{0: test.answer})))
		requireReadBack(t, f, test.answer)
	}
}
