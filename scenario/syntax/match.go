package syntax

import "strings"

// Match reports whether an answer, or a line of output, is what was expected. Runs of
// white space count as one space, and ... in what was expected stands for anything,
// nothing included: "0 ..." is matched by "0", and by "0 {copy=4096}", but not by "01".
func Match(want, got string) bool { return newPattern(want).matches(spread(got, false)) }

// pattern is what is expected of a line: the texts between its wildcards.
type pattern []string

func newPattern(want string) pattern { return strings.Split(spread(want, true), wildcard) }

// literal reports whether the pattern has no wildcard.
func (p pattern) literal() bool { return len(p) == 1 }

// matches reports whether a line, spread, is what is expected.
func (p pattern) matches(got string) bool {
	first, last := p[0], p[len(p)-1]
	if p.literal() {
		return first == got
	}
	if len(got) < len(first)+len(last) || !strings.HasPrefix(got, first) || !strings.HasSuffix(got, last) {
		return false
	}
	got = got[len(first) : len(got)-len(last)]
	// What stands between two wildcards is best found as early as it can be.
	for _, part := range p[1 : len(p)-1] {
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
