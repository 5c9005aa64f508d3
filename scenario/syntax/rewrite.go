package syntax

import "strings"

// Answer is what a statement came to.
type Answer struct {
	Text  string   // behind the =, "" if it answered nothing
	Block []string // the lines that it put out
}

// Rewrite returns the scenario's text with the answers in the place of the expected
// ones, by the index of the statement in Stmts. All else stays as it was: comments,
// empty lines, the column of an = that was there, and statements without an answer in
// the map. An expectation that the answer matches stays, with its wildcards; one that
// nothing was answered to goes.
//
// What Rewrite writes, Parse reads, and Match accepts for the answers, if no line grows
// past 64 KiB. Characters that the language has no way to write, as a # outside quotes,
// become a wildcard.
func (f *File) Rewrite(answers map[int]Answer) []byte {
	at := map[int]int{} // the index of the statement that begins on a line
	for i, stmt := range f.Stmts {
		at[stmt.Pos.Line-1] = i
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

// ending is the line's own end: "\n" or "\r\n". That of a file's last line may be
// nothing, or a lone "\r".
func ending(line string) string { return line[len(strings.TrimRight(line, "\r\n")):] }

// endingBefore is how the line before line n ends, for a line that has no end yet.
func (f *File) endingBefore(n int) string {
	if n == 0 {
		return "\n"
	}
	return ending(f.lines[n-1])
}

// indentation is what a line is indented by, four spaces if it is not, or not there.
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

// rewriteLine puts the answer behind the statement.
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
			head = line[:s.at] // where the = stands in its column
		}
		head += " " + spellAnswer(stmt, answer)
	}
	s.rest()
	if comment := line[s.at:]; comment != "" {
		return head + "  " + comment
	}
	return head
}
