package syntax

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// spellAnswer is the answer as it can stand behind the statement's =.
func spellAnswer(stmt *Stmt, answer string) string {
	answer = spell(answer, true)
	s := &scanner{line: answer}
	if _, named := s.name(); stmt.Await && named && strings.HasPrefix(answer[s.at:], "(") {
		return wildcard + answer // else it would read as a call, and the task as a binding
	}
	return answer
}

// spellLine is the line as it can stand in a block of output.
func spellLine(line string) string {
	line = strings.TrimRight(spell(line, false), " \t")
	if body := strings.TrimSpace(line); body == "" || body[0] == '#' {
		return wildcard + body // else it would end the block
	}
	return line
}

// spell replaces what cannot be written: line ends by spaces, which match them, and
// bytes that are no text by wildcards. Where a comment may follow so do a # and a
// quote that is not closed, outside of quotes.
func spell(text string, comments bool) string {
	text = strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
	var out []byte
	quoted := 0 // up to where the text is in quotes
	for i, r := range text {
		hide := r == utf8.RuneError || r == 0
		if comments && i >= quoted {
			switch r {
			case '#':
				hide = true
			case '\'', '"':
				n := closing(text[i:])
				quoted = i + n + 1
				hide = n == 0
			}
		}
		if hide {
			// Dots in front of a wildcard would be taken for its first ones.
			out = append(bytes.TrimRight(out, "."), wildcard...)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}
