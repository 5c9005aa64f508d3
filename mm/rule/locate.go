package rule

import (
	"fmt"
	"sort"
	"strings"
)

// Edit replaces the bytes [Start, End) of a file by New. Both ends are beginnings of lines;
// Start == End inserts.
type Edit struct {
	Start, End int
	New        string
}

// codeLine is a line of a file that has more than a comment.
type codeLine struct {
	start, end int // byte offsets of the line, with its newline
	text       string
}

// Locate finds the hunk in the text of its file and returns the edits that make its
// changes, in ascending order. Its lines, without indentation and comments, must stand one
// after the other, in exactly one place.
func (h *Hunk) Locate(text string) ([]Edit, error) {
	lines, err := h.scope(text)
	if err != nil {
		return nil, err
	}
	var old []string
	for _, line := range h.Lines {
		if line[0] != '+' {
			old = append(old, bare(line[1:]))
		}
	}
	if len(old) == 0 {
		return nil, fmt.Errorf("the hunk of line %d has no line that says where it is", h.Line)
	}
	found := -1
	for i := 0; i+len(old) <= len(lines); i++ {
		if !standsAt(old, lines[i:]) {
			continue
		}
		if found >= 0 {
			return nil, fmt.Errorf("the hunk of line %d matches more than once in %s", h.Line, h.place())
		}
		found = i
	}
	if found < 0 {
		return nil, fmt.Errorf("the hunk of line %d matches nowhere in %s: %q", h.Line, h.place(), strings.Join(old, "; "))
	}
	return h.edits(lines, found), nil
}

// edits returns the changes of the hunk, whose first old line is lines[at].
func (h *Hunk) edits(lines []codeLine, at int) []Edit {
	var edits []Edit
	open := false // whether the last edit still grows
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

// insertion returns the empty edit before lines[at]: behind the line of code above, and before
// the comments that lines[at] has.
func insertion(lines []codeLine, at int) Edit {
	where := lines[0].start
	if at > 0 {
		where = lines[at-1].end
	}
	return Edit{Start: where, End: where}
}

func standsAt(old []string, lines []codeLine) bool {
	for i, want := range old {
		if lines[i].text != want {
			return false
		}
	}
	return true
}

func (h *Hunk) place() string {
	if h.Func == "" {
		return h.File
	}
	return h.File + " " + h.Func
}

// scope returns the lines of code that the hunk may match: those of its function, or all.
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
		if code := bare(line); inside && code != "" {
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

// funcName returns the name that a line which begins a function declares.
func funcName(line string) string {
	line = strings.TrimPrefix(line, "func ")
	if strings.HasPrefix(line, "(") {
		_, line, _ = strings.Cut(line, ") ")
	}
	name, _, _ := strings.Cut(line, "(")
	return name
}

// bare returns a line of Go without indentation and comment.
func bare(line string) string {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "//") {
		return ""
	}
	if code, _, ok := strings.Cut(line, " // "); ok {
		return strings.TrimSpace(code)
	}
	return line
}

// Apply makes the edits, none of which may overlap another. Of two insertions at one place
// the earlier in the list comes first.
func Apply(text string, edits []Edit) string {
	edits = append([]Edit(nil), edits...)
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].Start < edits[j].Start })
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

// Overlap reports whether two edits cannot both be made: they change a common line, or one
// inserts in the middle of what the other replaces.
func Overlap(a, b Edit) bool { return a.Start < b.End && b.Start < a.End }
