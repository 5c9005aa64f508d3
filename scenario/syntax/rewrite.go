package syntax

import "strings"

// Answer is what a statement came to.
type Answer struct {
	Text  string
	Block []string
}

// Rewrite returns the scenario's text with the answers in the place of the expected
// ones, by the index of the statement in Stmts. All else stays as it was: comments,
// empty lines, the column of an = that was there, and statements without an answer in
// the map. An expectation that the answer matches stays, with its wildcards.
func (f *File) Rewrite(answers map[int]Answer) []byte {
	at := map[int]int{} // the index of the statement that begins on a line
	for i, stmt := range f.Stmts {
		at[stmt.Pos.Line-1] = i
	}
	var out strings.Builder
	for n := 0; n < len(f.lines); n++ {
		i, ok := at[n]
		if !ok {
			out.WriteString(f.lines[n])
			continue
		}
		stmt := f.Stmts[i]
		a, answered := answers[i]
		if !answered {
			out.WriteString(f.lines[n])
			continue
		}
		end := ending(f.lines[n])
		out.WriteString(rewriteLine(strings.TrimRight(f.lines[n], "\r\n"), stmt, a.Text))
		out.WriteString(end)
		if MatchBlock(stmt.Block, a.Block) {
			continue
		}
		if end == "" {
			out.WriteString("\n")
		}
		for _, line := range a.Block {
			out.WriteString("    " + line + "\n")
		}
		n += len(stmt.Block)
	}
	return []byte(out.String())
}

// ending is the line's own end: "\n", "\r\n", or nothing.
func ending(line string) string { return line[len(strings.TrimRight(line, "\r\n")):] }

// rewriteLine puts the answer behind the statement.
func rewriteLine(line string, stmt *Stmt, answer string) string {
	if answer == "" || stmt.HasWant && Match(stmt.Want, answer) {
		return line
	}
	s := &scanner{line: line, at: len(stmt.Op)}
	s.space()
	if stmt.HasWant {
		s.accept("=")
	}
	from := s.at
	s.rest()
	comment := line[s.at:]
	head := stmt.Op + " = "
	if stmt.HasWant {
		head = line[:from] + " "
	}
	if comment != "" {
		comment = "  " + comment
	}
	return head + answer + comment
}
