package syntax

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads one line. It reports a mistake by a panic with an *Error, which parseLine
// recovers; so a line has at most one mistake.
type scanner struct {
	line  string
	at    int // in bytes
	depth int // of the current struct or proposition
	atoms int // of the current proposition
	pos   Pos // of the start of the line
}

// here skips white space and returns the place of the next character.
func (s *scanner) here() Pos {
	s.space()
	p := s.pos
	p.Col = s.at + 1
	return p
}

func (s *scanner) fail(p Pos, format string, args ...any) {
	panic(&Error{Pos: p, Msg: fmt.Sprintf(format, args...)})
}

func (s *scanner) space() {
	for s.at < len(s.line) && (s.line[s.at] == ' ' || s.line[s.at] == '\t') {
		s.at++
	}
}

// peek skips white space and returns the next byte, 0 at the end of the line and at a
// comment.
func (s *scanner) peek() byte {
	s.space()
	if s.at == len(s.line) || s.line[s.at] == '#' {
		return 0
	}
	return s.line[s.at]
}

// accept takes the text if it comes next, and reports whether it does.
func (s *scanner) accept(text string) bool {
	if s.peek() != 0 && strings.HasPrefix(s.line[s.at:], text) {
		s.at += len(text)
		return true
	}
	return false
}

func (s *scanner) expect(text, where string) {
	if p := s.here(); !s.accept(text) {
		s.fail(p, "expected %q %s, found %s", text, where, s.found())
	}
}

// shownWord is the maximal number of bytes of an unexpected word in a message.
const shownWord = 20

// found describes the next word, for messages.
func (s *scanner) found() string {
	if s.peek() == 0 {
		return "the end of the line"
	}
	word := s.line[s.at:]
	if i := strings.IndexAny(word, " \t,(){}=|"); i > 0 {
		word = word[:i]
	} else if i == 0 {
		word = word[:1]
	}
	return quote(word, shownWord)
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// MaxName is the length of the longest name, in bytes. Names are repeated in answers and
// events, so their length bounds the size of a run's output relative to the text.
const MaxName = 64

// word takes a name, which may have at most MaxName bytes.
func (s *scanner) word() (string, bool) {
	p := s.here()
	name, ok := s.name()
	s.checkName(p, name)
	return name, ok
}

func (s *scanner) checkName(p Pos, name string) {
	if len(name) > MaxName {
		s.fail(p, "the name %s has %d bytes: a name has at most %d", quote(name, shownWord), len(name), MaxName)
	}
}

// name takes a name of any length, which may have dots and dashes inside:
// "vm.max_map_count".
func (s *scanner) name() (string, bool) {
	if !isLetter(s.peek()) {
		return "", false
	}
	from := s.at
	for s.at < len(s.line) {
		c := s.line[s.at]
		inner := (c == '.' || c == '-') && s.at+1 < len(s.line) && isLetter(s.line[s.at+1])
		if !isLetter(c) && !isDigit(c) && !inner {
			break
		}
		s.at++
	}
	return s.line[from:s.at], true
}

var units = map[string]uint64{"": 1, "p": 4096, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}

// term takes a number with its unit.
func (s *scanner) term() uint64 {
	p := s.here()
	from := s.at
	base, digits := uint64(10), "0123456789"
	if strings.HasPrefix(s.line[s.at:], "0x") {
		s.at += 2
		base, digits = 16, "0123456789abcdefABCDEF"
	}
	first := s.at
	var n uint64
	for s.at < len(s.line) {
		d := strings.IndexByte(digits, s.line[s.at])
		if d < 0 {
			break
		}
		if d >= 16 {
			d -= 6 // an upper-case digit
		}
		hi, lo := bits.Mul64(n, base)
		sum, carry := bits.Add64(lo, uint64(d), 0)
		if hi != 0 || carry != 0 {
			s.tooBig(p)
		}
		n = sum
		s.at++
	}
	if s.at == first {
		s.fail(p, "expected a number, found %s", s.found())
	}
	unit := s.at
	for s.at < len(s.line) && (isLetter(s.line[s.at]) || isDigit(s.line[s.at])) {
		s.at++
	}
	scale, ok := units[s.line[unit:s.at]]
	if !ok {
		s.fail(p, "unknown unit %s in %s: the units are p (pages), k, m and g", quote(s.line[unit:s.at], shownWord), quote(s.line[from:s.at], shownWord))
	}
	hi, lo := bits.Mul64(n, scale)
	if hi != 0 {
		s.tooBig(p)
	}
	return lo
}

func (s *scanner) tooBig(p Pos) { s.fail(p, "the number does not fit into 64 bits") }

var escapes = map[byte]byte{'n': '\n', 't': '\t', '0': 0, '\\': '\\', '\'': '\'', '"': '"'}

// quoted takes a text in quotes.
func (s *scanner) quoted(quote byte) string {
	p := s.here()
	s.at++
	var b strings.Builder
	for s.at < len(s.line) && s.line[s.at] != quote {
		c := s.line[s.at]
		s.at++
		if c == '\\' {
			c = s.escape()
		}
		b.WriteByte(c)
	}
	if s.at == len(s.line) {
		s.fail(p, "the quote is not closed")
	}
	s.at++
	return b.String()
}

// escape takes the rest of an escape sequence after its backslash.
func (s *scanner) escape() byte {
	p := s.here()
	if s.at == len(s.line) {
		s.fail(p, "nothing follows the backslash")
	}
	c := s.line[s.at]
	s.at++
	if e, ok := escapes[c]; ok {
		return e
	}
	if c != 'x' {
		r, _ := utf8.DecodeRuneInString(s.line[s.at-1:])
		s.fail(p, "unknown escape \\%c", r)
	}
	digits := s.line[s.at:min(s.at+2, len(s.line))]
	b, err := strconv.ParseUint(digits, 16, 8)
	if err != nil || len(digits) < 2 {
		s.fail(p, "\\x needs two hexadecimal digits")
	}
	s.at += 2
	return byte(b)
}

// closing returns the index of the quote that closes the one at the beginning of the
// text, 0 if none.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i
		}
	}
	return 0
}
