package rule

import (
	"cmp"
	"fmt"
	"go/scanner"
	"go/token"
	"slices"
	"strings"
)

// Edit replaces the bytes [Start, End) of a file by New; Start == End inserts. Start and
// End are byte offsets of line beginnings.
type Edit struct {
	Start, End int
	New        string
}

// codeLine is a line of a file that is not empty and not only a comment.
type codeLine struct {
	start, end int    // byte offsets [start, end) of the line, with its newline
	text       string // without indentation and comment
}

// Locate finds the hunk in the text of its file and returns the edits that apply it, in
// ascending order. The context and removed lines of the hunk must match consecutive lines
// of code in exactly one place. Indentation, comments and empty lines are ignored.
func (h *Hunk) Locate(text string) ([]Edit, error) {
	lines, err := h.scope(text)
	if err != nil {
		return nil, err
	}
	var old []string
	for _, line := range h.Lines {
		if line[0] != '+' {
			old = append(old, codeOf(line[1:]))
		}
	}
	if len(old) == 0 {
		return nil, fmt.Errorf("the hunk of line %d has no line that says where it is", h.Line)
	}
	found := -1
	for i := 0; i+len(old) <= len(lines); i++ {
		if matching(old, lines[i:]) < len(old) {
			continue
		}
		if found >= 0 {
			return nil, fmt.Errorf("the hunk of line %d matches more than once in %s", h.Line, h.place())
		}
		found = i
	}
	if found < 0 {
		return nil, fmt.Errorf("the hunk of line %d matches nowhere in %s: %s; change the hunk or the code", h.Line, h.place(), mismatch(old, lines))
	}
	return h.edits(lines, found), nil
}

// edits returns the edits of a hunk whose first context or removed line is lines[at].
func (h *Hunk) edits(lines []codeLine, at int) []Edit {
	var edits []Edit
	open := false // the next change extends the last edit
	for _, line := range h.Lines {
		if line[0] == ' ' {
			at++
			open = false
			continue
		}
		if !open {
			edits = append(edits, insertion(lines, at))
			open = true
		}
		e := &edits[len(edits)-1]
		if line[0] == '+' {
			e.New += line[1:] + "\n"
			continue
		}
		if e.End == e.Start {
			e.Start = lines[at].start
		}
		e.End = lines[at].end
		at++
	}
	return edits
}

// insertion returns an edit that inserts before lines[at] and before the comments above
// it, that is, directly after the previous line of code.
func insertion(lines []codeLine, at int) Edit {
	where := lines[0].start
	if at > 0 {
		where = lines[at-1].end
	}
	return Edit{Start: where, End: where}
}

// matching returns the number of old lines, from the first on, with which the lines
// begin.
func matching(old []string, lines []codeLine) int {
	n := 0
	for n < len(old) && n < len(lines) && lines[n].text == old[n] {
		n++
	}
	return n
}

// mismatch says which of the old lines is the first that the code does not have, in the
// place that has the most lines before it. The old lines must match nowhere.
func mismatch(old []string, lines []codeLine) string {
	at, most := 0, 0
	for i := range lines {
		if n := matching(old, lines[i:]); n > most {
			at, most = i, n
		}
	}
	switch {
	case most == 0:
		return fmt.Sprintf("no line is %q", old[0])
	case at+most == len(lines):
		return fmt.Sprintf("nothing follows %q, where the hunk has %q", old[most-1], old[most])
	}
	return fmt.Sprintf("%q follows %q, where the hunk has %q", lines[at+most].text, old[most-1], old[most])
}

// place returns the file, and the function if any, that the hunk names.
func (h *Hunk) place() string {
	if h.Func == "" {
		return h.File
	}
	return h.File + " " + h.Func
}

// scope returns the lines of code that the hunk may match: those of its function, or all
// lines of the file if it names none.
func (h *Hunk) scope(text string) ([]codeLine, error) {
	var lines []codeLine
	inside := h.Func == ""
	seen := inside
	for offset := 0; offset < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[offset:], '\n'); i >= 0 {
			end = offset + i + 1
		}
		line := strings.TrimSuffix(text[offset:end], "\n")
		if h.Func != "" && strings.HasPrefix(line, "func ") && funcName(line) == h.Func {
			inside, seen = true, true
		}
		if code := codeOf(line); inside && code != "" {
			lines = append(lines, codeLine{offset, end, code})
		}
		if h.Func != "" && line == "}" {
			inside = false
		}
		offset = end
	}
	if !seen {
		return nil, fmt.Errorf("the hunk of line %d: %s has no function %s", h.Line, h.File, h.Func)
	}
	return lines, nil
}

// funcName returns the name of the function that begins in the line.
func funcName(line string) string {
	line = strings.TrimPrefix(line, "func ")
	if strings.HasPrefix(line, "(") {
		_, line, _ = strings.Cut(line, ") ")
	}
	name, _, _ := strings.Cut(line, "(")
	return name
}

// codeOf returns a line of Go without indentation and comment.
func codeOf(line string) string {
	line = strings.TrimSpace(line)
	if !strings.Contains(line, "//") {
		return line
	}
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(line))
	s.Init(file, []byte(line), nil, scanner.ScanComments)
	for {
		pos, tok, text := s.Scan()
		switch {
		case tok == token.EOF:
			return line
		case tok == token.COMMENT && strings.HasPrefix(text, "//"):
			return strings.TrimSpace(line[:file.Offset(pos)])
		}
	}
}

// Apply returns the text with the edits applied. They must not overlap. An insertion
// comes before the replacement of the lines after it. Insertions at the same offset keep
// their order.
func Apply(text string, edits []Edit) string {
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b Edit) int { return cmp.Or(a.Start-b.Start, a.End-b.End) })
	var b strings.Builder
	at := 0
	for _, e := range edits {
		b.WriteString(text[at:e.Start])
		b.WriteString(e.New)
		at = e.End
	}
	b.WriteString(text[at:])
	return b.String()
}

// Overlap reports whether two edits cannot both be applied: both replace a common line,
// or one inserts inside the range that the other replaces. Two insertions at the same
// offset do not overlap: both are applied, in the order of the list (see [Apply]).
func Overlap(a, b Edit) bool { return a.Start < b.End && b.Start < a.End }

// Clash reports whether two hunks cannot both be applied. a and b are their edits, as
// [Hunk.Locate] returns them. Hunks clash if two of their edits overlap, or if one hunk
// removes a context line between two edits of the other, which may move code past it.
func Clash(a, b []Edit) bool {
	for _, x := range a {
		if slices.ContainsFunc(b, func(y Edit) bool { return Overlap(x, y) }) {
			return true
		}
	}
	return removesWithin(a, b) || removesWithin(b, a)
}

// removesWithin reports whether one of the edits removes a line between the first and the
// last edit of the hunk.
func removesWithin(edits, hunk []Edit) bool {
	span := Edit{Start: hunk[0].Start, End: hunk[len(hunk)-1].End}
	return slices.ContainsFunc(edits, func(e Edit) bool { return e.Start < e.End && Overlap(e, span) })
}
