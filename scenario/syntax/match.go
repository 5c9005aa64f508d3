package syntax

import (
	"slices"
	"strings"
)

// Match reports whether an answer, or a line of output, is what was expected. Runs of
// white space count as one space, and ... in what was expected stands for anything,
// nothing included: "0 ..." is matched by "0", and by "0 {copy=4096}", but not by "01".
func Match(want, got string) bool {
	want, got = spread(want, true), spread(got, false)
	parts := strings.Split(want, wildcard)
	if len(parts) == 1 {
		return want == got
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(got) < len(first)+len(last) || !strings.HasPrefix(got, first) || !strings.HasSuffix(got, last) {
		return false
	}
	got = got[len(first) : len(got)-len(last)]
	// What stands between two wildcards is best found as early as it can be.
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(got, part)
		if i < 0 {
			return false
		}
		got = got[i+len(part):]
	}
	return true
}

// wildcard stands for anything.
const wildcard = "..."

// spread gives each word a space of its own on either side. Words of wildcards alone
// get none, so that they take no space away from their neighbours when they stand for
// nothing.
func spread(s string, wildcards bool) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(s) {
		if wildcards && strings.ReplaceAll(word, wildcard, "") == "" {
			b.WriteString(word)
			continue
		}
		b.WriteString(" " + word + " ")
	}
	return b.String()
}

// MatchBlock reports whether output is what was expected, line by line. A line that
// is nothing but ... stands for any number of lines.
func MatchBlock(want, got []string) bool {
	last := len(want) - 1
	for last >= 0 && !anyLines(want[last]) {
		last--
	}
	if last < 0 {
		return len(want) == len(got) && matchLines(want, got)
	}
	tail := want[last+1:]
	if len(got) < len(tail) || !matchLines(tail, got[len(got)-len(tail):]) {
		return false
	}
	got = got[:len(got)-len(tail)]
	// As in Match, what stands between two wildcards is found as early as it can be.
	for floating, want := false, want[:last+1]; len(want) > 0; floating = true {
		n := slices.IndexFunc(want, anyLines)
		at := 0
		for at+n <= len(got) && !matchLines(want[:n], got[at:]) {
			at++
		}
		if at+n > len(got) || at > 0 && !floating {
			return false
		}
		want, got = want[n+1:], got[at+n:]
	}
	return true
}

func anyLines(line string) bool { return strings.TrimSpace(line) == wildcard }

// matchLines matches the first lines of got. There are enough of them.
func matchLines(want, got []string) bool {
	for i, w := range want {
		if !Match(w, got[i]) {
			return false
		}
	}
	return true
}
