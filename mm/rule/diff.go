package rule

import (
	"fmt"
	"strings"
)

// Diff is a named change to the source: it removes a rule, or is a mutant.
type Diff struct {
	Kind string // the first word of the head line: "rule" or "mutant"
	Name string // the rest of the head line
	// Fields maps the first word of each line between the head and the first hunk to the
	// rest of the line.
	Fields map[string]string
	Hunks  []Hunk
	Line   int // line number of the head in the list, from 1
}

// Hunk changes one place of a file.
type Hunk struct {
	File string // path from the root of the module, with slashes
	Func string // Go function to search, without its receiver; "" for the whole file
	// Lines begin with ' ' for context, '-' for a removed and '+' for an added line.
	Lines []string
	Line  int // line number of the "@@" line in the list, from 1
}

// String returns the hunk in the format of the list.
func (h *Hunk) String() string {
	head := "@@ " + h.File
	if h.Func != "" {
		head += " " + h.Func
	}
	return head + "\n" + strings.Join(h.Lines, "\n") + "\n"
}

// ParseDiffs parses a list of diffs. list is its name: errors begin with it and the line
// number. A line that begins with '#' is a comment.
func ParseDiffs(list, text string) ([]Diff, error) {
	var diffs []Diff
	for n, line := range strings.Split(text, "\n") {
		if err := parseLine(&diffs, n+1, line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", list, n+1, err)
		}
	}
	for i := range diffs {
		if err := diffs[i].check(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", list, diffs[i].Line, err)
		}
	}
	return diffs, nil
}

// parseLine adds line n of the list to diffs.
func parseLine(diffs *[]Diff, n int, line string) error {
	var d *Diff
	if len(*diffs) > 0 {
		d = &(*diffs)[len(*diffs)-1]
	}
	switch {
	case line == "" || line[0] == '#':
		return nil
	case strings.HasPrefix(line, "@@ "):
		words := strings.Fields(line[3:])
		if d == nil || len(words) < 1 || len(words) > 2 {
			return fmt.Errorf("want \"@@ FILE\" or \"@@ FILE FUNCTION\" below a rule, not %q", line)
		}
		d.Hunks = append(d.Hunks, Hunk{File: words[0], Func: strings.Join(words[1:], ""), Line: n})
		return nil
	case d != nil && len(d.Hunks) > 0 && strings.IndexByte(" -+", line[0]) >= 0:
		h := &d.Hunks[len(d.Hunks)-1]
		h.Lines = append(h.Lines, line)
		return nil
	case line[0] == ' ' && d != nil && len(d.Hunks) == 0:
		return fmt.Errorf("%q is no field (a field begins with a tab)", line)
	case line[0] == '\t' && d != nil && len(d.Hunks) == 0:
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, twice := d.Fields[key]; twice {
			return fmt.Errorf("a second %q", key)
		}
		d.Fields[key] = strings.TrimSpace(value)
		return nil
	case line[0] >= 'a' && line[0] <= 'z':
		kind, name, _ := strings.Cut(line, " ")
		*diffs = append(*diffs, Diff{Kind: kind, Name: name, Fields: map[string]string{}, Line: n})
		return nil
	}
	return fmt.Errorf("%q is no head, field, hunk or line of a hunk", line)
}

// check returns an error if the diff has no hunk, or one without a changed line.
func (d *Diff) check() error {
	if len(d.Hunks) == 0 {
		return fmt.Errorf("%s %s has no hunk", d.Kind, d.Name)
	}
	for i := range d.Hunks {
		changes := 0
		for _, line := range d.Hunks[i].Lines {
			if line[0] != ' ' {
				changes++
			}
		}
		if changes == 0 {
			return fmt.Errorf("%s %s: the hunk of line %d changes nothing", d.Kind, d.Name, d.Hunks[i].Line)
		}
	}
	return nil
}
