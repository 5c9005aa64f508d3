package syntax

import "strings"

func parseValue(s *scanner) Value {
	c := s.peek()
	v := Value{Pos: s.here()}
	switch {
	case strings.HasPrefix(s.line[s.at:], "..."):
		s.at += 3
		v.Kind = Wildcard
	case c == '\'':
		v.Kind, v.Text = Char, s.quoted('\'')
		if len(v.Text) != 1 {
			s.fail(v.Pos, "a character is one byte, not %d", len(v.Text))
		}
	case c == '"':
		v.Kind, v.Text = String, s.quoted('"')
	case c == '{':
		s.accept("{")
		v.Kind, v.Fields = Struct, parseArgs(s, "}")
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
// number with all bits set.
func parseSum(s *scanner) uint64 {
	var n uint64
	negative := s.accept("-")
	for {
		if term := s.term(); negative {
			n -= term
		} else {
			n += term
		}
		switch {
		case s.accept("+"):
			negative = false
		case s.accept("-"):
			negative = true
		default:
			return n
		}
	}
}

// parseItems takes the rest of a flag set: names and numbers with | between them.
func parseItems(s *scanner, items []Item) []Item {
	for len(items) == 0 || s.accept("|") {
		item := Item{Pos: s.here()}
		var named bool
		if item.Name, named = s.name(); !named {
			item.Number = s.term()
		}
		items = append(items, item)
	}
	return items
}
