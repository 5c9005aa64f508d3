package syntax

import "strings"

// Match reports whether an answer is the expected one. A run of white space counts as one
// space, and ... in the expected answer stands for anything, nothing included: "0 ..."
// matches "0" and "0 {copy=4096}", but not "01". The expected answer may leave out the
// text of an error: "-1 EAGAIN {copy=8192}" matches
// "-1 EAGAIN (Resource temporarily unavailable) {copy=8192}".
func Match(want, got string) bool {
	pattern := newPattern(want)
	if pattern.matches(spread(got, false)) {
		return true
	}
	short, ok := withoutErrorText(got)
	return ok && pattern.matches(spread(short, false))
}

// withoutErrorText returns the answer of a failed system call without the text in
// parentheses behind the error's name, and whether the answer has such a text.
func withoutErrorText(answer string) (string, bool) {
	head, rest, _ := strings.Cut(answer, "(")
	words := strings.Fields(head)
	if len(words) != 2 || words[0] != "-1" || !isErrorName(words[1]) {
		return "", false
	}
	_, tail, closed := strings.Cut(rest, ")")
	return head + tail, closed
}

// Brief returns the answer without the text of an error, which an expected answer may
// leave out.
func Brief(answer string) string {
	short, ok := withoutErrorText(answer)
	if !ok {
		return answer
	}
	return strings.Join(strings.Fields(short), " ")
}

// isErrorName reports whether the word may be the name of an errno: EINVAL, E2BIG.
func isErrorName(word string) bool {
	name, ok := strings.CutPrefix(word, "E")
	return ok && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// pattern is the expected form of a line: the texts between its wildcards.
type pattern []string

func newPattern(want string) pattern { return strings.Split(spread(want, true), wildcard) }

// literal reports whether the pattern has no wildcard.
func (p pattern) literal() bool { return len(p) == 1 }

// matches reports whether a line that spread returned has the expected form.
func (p pattern) matches(got string) bool {
	first, last := p[0], p[len(p)-1]
	if p.literal() {
		return first == got
	}
	if len(got) < len(first)+len(last) || !strings.HasPrefix(got, first) || !strings.HasSuffix(got, last) {
		return false
	}
	got = got[len(first) : len(got)-len(last)]
	// The earliest match of a text between two wildcards leaves the most for the others.
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

// spread returns the text with a space before and after each word. Words of wildcards
// alone get no spaces, so that their neighbours match when they stand for nothing.
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
