package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// writeTable prints rows of cells in columns, within the width of a terminal.
func writeTable(out io.Writer, rows [][]string) {
	for _, lines := range tableLines(rows) {
		for _, line := range lines {
			fmt.Fprintln(out, line)
		}
	}
}

// tableLines returns the lines of each row of a table. It breaks the last cell of a row
// into several lines if the row is longer than the width of a terminal.
func tableLines(rows [][]string) [][]string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell)+2)
		}
	}
	table := make([][]string, len(rows))
	for r, row := range rows {
		head, last := "", len(row)-1
		for i, cell := range row[:last] {
			head += fmt.Sprintf("%-*s", widths[i], cell)
		}
		for _, line := range wrap(row[last], columns-utf8.RuneCountInString(head)) {
			table[r] = append(table[r], strings.TrimRight(head+line, " "))
			head = strings.Repeat(" ", utf8.RuneCountInString(head))
		}
	}
	return table
}

// printWrapped prints a text in lines of at most columns characters.
func printWrapped(out io.Writer, text string) {
	for _, line := range wrap(text, columns) {
		fmt.Fprintln(out, line)
	}
}

// folded is an error whose lines are broken into lines of at most columns characters.
type folded struct{ error }

// Error returns the text of the error. The lines that a line is broken into are indented.
func (f folded) Error() string {
	var lines []string
	for line := range strings.SplitSeq(f.error.Error(), "\n") {
		lines = append(lines, strings.Join(wrap(line, columns-4), "\n    "))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the error itself.
func (f folded) Unwrap() error { return f.error }

// printIndented prints a line behind head. What exceeds columns characters follows in
// further lines behind next. A line is broken after a space or a |.
func printIndented(out io.Writer, head, next, line string) {
	for {
		width := columns - utf8.RuneCountInString(head)
		at := 0 // where to break the line
		for i, n := 0, 0; i < len(line) && n < width; n++ {
			_, size := utf8.DecodeRuneInString(line[i:])
			i += size
			if line[i-1] == '|' || line[i-1] == ' ' && strings.TrimSpace(line[:i]) != "" {
				at = i
			}
		}
		if utf8.RuneCountInString(line) <= width || at == 0 {
			fmt.Fprintln(out, head+line)
			return
		}
		fmt.Fprintln(out, head+strings.TrimRight(line[:at], " "))
		head, line = next, line[at:]
	}
}
