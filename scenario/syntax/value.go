package syntax

import (
	"math/bits"
	"strings"
)

// maxDepth is the maximal nesting of structs. It keeps a line from exhausting the stack.
const maxDepth = 16

func parseValue(s *scanner) Value {
	c := s.peek()
	v := Value{Pos: s.here()}
	switch {
	case strings.HasPrefix(s.line[s.at:], wildcard):
		s.at += len(wildcard)
		v.Kind = Wildcard
	case c == '\'':
		v.Kind, v.Text = Char, s.quoted('\'')
		if len(v.Text) != 1 {
			s.fail(v.Pos, "a character is one byte, not %d", len(v.Text))
		}
	case c == '"':
		v.Kind, v.Text = String, s.quoted('"')
	case c == '{':
		if s.depth++; s.depth > maxDepth {
			s.fail(v.Pos, "structs are nested more than %d deep", maxDepth)
		}
		s.accept("{")
		v.Kind, v.Fields = Struct, parseArgs(s, "}")
		s.depth--
	case isDigit(c) || c == '-':
		v.Kind, v.Number = Number, parseSum(s)
		if s.peek() == '|' {
			v.Kind = Flags
			v.Items = parseItems(s, []Item{{Pos: v.Pos, Number: v.Number}})
		}
	case isLetter(c):
		v.Kind, v.Items = Flags, parseItems(s, nil)
	default:
		s.fail(v.Pos, "expected a value, found %s", s.found())
	}
	return v
}

// parseSum takes terms with + and - between them. A sum may be negative: -1 is the
// number with all bits set. It is a mistake if the positive terms, the negative terms or
// the result do not fit into 64 bits, including the sign of a negative result.
func parseSum(s *scanner) uint64 {
	p := s.here()
	var plus, minus uint64
	side := &plus
	if s.accept("-") {
		side = &minus
	}
	for {
		sum, carry := bits.Add64(*side, s.term(), 0)
		if carry != 0 {
			s.tooBig(p)
		}
		*side = sum
		switch {
		case s.accept("+"):
			side = &plus
		case s.accept("-"):
			side = &minus
		default:
			if minus > plus && minus-plus > 1<<63 {
				s.tooBig(p)
			}
			return plus - minus
		}
	}
}

// parseItems takes the rest of a flag set: names and numbers with | between them.
func parseItems(s *scanner, items []Item) []Item {
	for len(items) == 0 || s.accept("|") {
		item := Item{Pos: s.here()}
		var named bool
		if item.Name, named = s.word(); !named {
			if !isDigit(s.peek()) {
				s.fail(item.Pos, "expected a name or a number after %q, found %s", "|", s.found())
			}
			item.Number = s.term()
		}
		items = append(items, item)
	}
	return items
}

// Unquote returns the text of a character or a string as the language writes it, and
// reports whether the text is one.
func Unquote(text string) (unquoted string, ok bool) {
	if text == "" || text[0] != '\'' && text[0] != '"' {
		return "", false
	}
	defer func() {
		if p := recover(); p != nil {
			if _, mistake := p.(*Error); !mistake {
				panic(p)
			}
			ok = false
		}
	}()
	s := &scanner{line: text}
	v := parseValue(s)
	return v.Text, s.peek() == 0
}
