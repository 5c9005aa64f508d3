package syntax

import (
	"iter"
	"strings"
)

// MatchBlock reports whether the lines of output are the expected ones. They match as
// answers do (see [Match]), except that no text of an error may be left out. An expected
// line that is only ... stands for any number of lines. The time is linear in the number
// of lines, except where a part of the expected block between two such lines has
// wildcards within its lines and almost matches in many places.
func MatchBlock(want, got []string) bool {
	lines := make([]string, len(got))
	for i, line := range got {
		lines[i] = spread(line, false)
	}
	parts := split(want)
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return len(first) == len(lines) && first.beginIn(lines)
	}
	if len(lines) < len(first)+len(last) || !first.beginIn(lines) || !last.beginIn(lines[len(lines)-len(last):]) {
		return false
	}
	lines = lines[len(first) : len(lines)-len(last)]
	// The earliest match of a part leaves the most lines for the others.
	for _, part := range parts[1 : len(parts)-1] {
		at := part.find(lines)
		if at < 0 {
			return false
		}
		lines = lines[at+len(part):]
	}
	return true
}

// part is a part of an expected block without lines that stand for any number of lines.
type part []pattern

// split splits an expected block at the lines that are only "...".
func split(want []string) []part {
	parts := []part{nil}
	for _, line := range want {
		if strings.TrimSpace(line) == wildcard {
			parts = append(parts, nil)
		} else {
			last := &parts[len(parts)-1]
			*last = append(*last, newPattern(line))
		}
	}
	return parts
}

// beginIn reports whether the lines begin with the part. There must be enough of them.
func (p part) beginIn(lines []string) bool {
	for i, want := range p {
		if !want.matches(lines[i]) {
			return false
		}
	}
	return true
}

// find returns the index of the first line at which the part occurs, -1 if none. It
// searches for the part's longest run of lines without wildcards.
func (p part) find(lines []string) int {
	from, to := p.longestLiteral()
	run := make([]string, 0, to-from)
	for _, want := range p[from:to] {
		run = append(run, want[0])
	}
	for at := range occurrences(run, lines, func(a, b string) bool { return a == b }) {
		at -= from
		if at >= 0 && at+len(p) <= len(lines) && p.beginIn(lines[at:]) {
			return at
		}
	}
	return -1
}

// longestLiteral returns the half-open range of the longest run of lines without
// wildcards.
func (p part) longestLiteral() (from, to int) {
	begin := 0
	for i, want := range p {
		switch {
		case !want.literal():
			begin = i + 1
		case i+1-begin > to-from:
			from, to = begin, i+1
		}
	}
	return from, to
}

// occurrences returns the indices at which the lines of want occur in got, including
// overlapping ones, by the algorithm of Knuth, Morris and Pratt: it compares at most
// twice as many pairs as there are lines. An empty want occurs at every index.
func occurrences(want, got []string, same func(a, b string) bool) iter.Seq[int] {
	return func(yield func(int) bool) {
		if len(want) == 0 {
			for i := 0; i <= len(got) && yield(i); i++ {
			}
			return
		}
		// border[n] is the length of the longest proper prefix of the first n lines
		// that is also their suffix.
		border := make([]int, len(want)+1)
		extend := func(n int, line string) int {
			for {
				switch {
				case n < len(want) && same(want[n], line):
					return n + 1
				case n == 0:
					return 0
				}
				n = border[n]
			}
		}
		for i := 1; i < len(want); i++ {
			border[i+1] = extend(border[i], want[i])
		}
		n := 0
		for i, line := range got {
			if n = extend(n, line); n == len(want) && !yield(i+1-len(want)) {
				return
			}
		}
	}
}
