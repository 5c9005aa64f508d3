package main

import (
	"io"
	"os"
)

// palette paints text for a terminal; the zero value leaves it as it is.
type palette struct{ on bool }

// paletteFor is the palette for a writer: colours on a terminal only, and never with
// NO_COLOR (https://no-color.org) set.
func paletteFor(w io.Writer) palette {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return palette{}
	}
	info, err := f.Stat()
	return palette{on: err == nil && info.Mode()&os.ModeCharDevice != 0}
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
