package main

import (
	"io"
	"os"
)

// palette colours text for a terminal. The zero value leaves it without colour.
type palette struct{ on bool }

// paletteFor returns the palette for a writer: colours on a terminal, unless NO_COLOR
// (https://no-color.org) is set.
func paletteFor(w io.Writer) palette {
	return palette{on: os.Getenv("NO_COLOR") == "" && isTerminal(w)}
}

// paint returns the text as printable does, in the colour.
func (p palette) paint(code, s string) string {
	s = printable(s)
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p palette) faint(s string) string { return p.paint("2", s) }
func (p palette) bold(s string) string  { return p.paint("1", s) }
func (p palette) good(s string) string  { return p.paint("32", s) }
func (p palette) bad(s string) string   { return p.paint("31", s) }
