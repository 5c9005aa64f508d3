package syntax

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// spellAnswer returns the answer in a form that can follow the statement's =.
func spellAnswer(stmt *Stmt, answer string) string {
	answer = spell(answer, true)
	s := &scanner{line: answer}
	if _, named := s.name(); stmt.Await && named && strings.HasPrefix(answer[s.at:], "(") {
		return wildcard + answer // otherwise Parse reads a call, and the task as a binding
	}
	return answer
}

// spellLine returns the line in a form that can be in a block of output.
func spellLine(line string) string {
	line = strings.TrimRight(spell(line, false), " \t")
	if body := strings.TrimSpace(line); body == "" || body[0] == '#' {
		return wildcard + body // otherwise it ends the block
	}
	return line
}

// spell replaces characters that a scenario cannot contain: line ends by spaces, which
// match them, and bytes that are no text by wildcards. If a comment may follow, it also
// replaces a # and an unclosed quote, outside quotes.
func spell(text string, comments bool) string {
	text = strings.NewReplacer("\n", " ", "\r", " ").Replace(text)
	var out []byte
	quoted := 0 // the end of the current quoted text
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
			// Parse would read dots before a wildcard as a part of it.
			out = append(bytes.TrimRight(out, "."), wildcard...)
			continue
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}
