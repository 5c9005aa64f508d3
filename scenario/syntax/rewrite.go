package syntax

import "strings"

// Answer is the result of a statement.
type Answer struct {
	Text  string   // after the =, "" if the statement has no result
	Block []string // the lines of output
}

// Rewrite returns the scenario's text with the answers in place of the expected ones. The
// keys of answers are indices of Stmts. Everything else stays: comments, empty lines, the
// column of an existing =, and statements without an answer in the map. An expectation
// that the answer matches stays, with its wildcards. The expectation of a statement
// without a result is removed. Parallel blocks and conditions stay as they are.
//
// Parse can read the returned text, and its expectations match the answers, if no line
// grows beyond 64 KiB. A character that the language cannot express, such as a # outside
// quotes, becomes a wildcard.
func (f *File) Rewrite(answers map[int]Answer) []byte {
	at := map[int]int{} // from the index of a line to that of the statement on it
	for i, stmt := range f.Stmts {
		if stmt.Parallel == nil && stmt.Condition == nil {
			at[stmt.Pos.Line-1] = i
		}
	}
	var out strings.Builder
	for n := 0; n < len(f.lines); n++ {
		i, ok := at[n]
		a, answered := answers[i]
		if !ok || !answered {
			out.WriteString(f.lines[n])
			continue
		}
		stmt, end := f.Stmts[i], ending(f.lines[n])
		out.WriteString(rewriteLine(strings.TrimSuffix(f.lines[n], end), stmt, a.Text))
		out.WriteString(end)
		if MatchBlock(stmt.Block, a.Block) {
			continue
		}
		if !strings.HasSuffix(end, "\n") && len(a.Block) > 0 { // the last line of the file
			end = f.endingBefore(n)
			out.WriteString(end)
		}
		indent := f.indentation(n + 1)
		for _, line := range a.Block {
			out.WriteString(indent + spellLine(line) + end)
		}
		n += len(stmt.Block)
	}
	return []byte(out.String())
}

// ending returns the end of the line: "\n" or "\r\n". The end of a file's last line may
// be empty, or a single "\r".
func ending(line string) string { return line[len(strings.TrimRight(line, "\r\n")):] }

// endingBefore returns the end of the line before line n, for a line that has no end yet.
func (f *File) endingBefore(n int) string {
	if n == 0 {
		return "\n"
	}
	return ending(f.lines[n-1])
}

// indentation returns the indentation of line n, four spaces if the line is not indented
// or does not exist.
func (f *File) indentation(n int) string {
	if n < len(f.lines) {
		line := f.lines[n]
		body := strings.TrimLeft(line, " \t")
		if len(body) < len(line) && strings.TrimSpace(body) != "" {
			return line[:len(line)-len(body)]
		}
	}
	return "    "
}

// rewriteLine returns the line with the answer after the statement.
func rewriteLine(line string, stmt *Stmt, answer string) string {
	answer = strings.TrimSpace(answer)
	if Match(stmt.Want, answer) {
		return line
	}
	s := &scanner{line: line, at: len(stmt.Op)}
	s.space()
	if stmt.HasWant {
		s.accept("=")
	}
	head := stmt.Op
	if answer != "" {
		head += " ="
		if stmt.HasWant {
			head = line[:s.at] // keeps the column of the =
		}
		head += " " + spellAnswer(stmt, answer)
	}
	s.rest()
	if comment := line[s.at:]; comment != "" {
		return head + "  " + comment
	}
	return head
}
