package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// printable returns the text with every character escaped, as in a Go string, that a
// terminal may obey instead of showing: control characters, those that change the
// direction of text, and bytes that are not UTF-8. Lines and tabs stay.
func printable(text string) string { return escape(text, asInGo) }

// escape replaces the characters that printable describes by what as returns for each.
func escape(text string, as func(string) string) string {
	at := strings.IndexFunc(text, obeyed)
	if at < 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:at])
	for text = text[at:]; text != ""; {
		r, size := utf8.DecodeRuneInString(text)
		if obeyed(r) {
			b.WriteString(as(text[:size]))
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

func asInGo(char string) string { return strings.Trim(strconv.Quote(char), `"`) }

// asInJSON returns a character as an escape of a string in JSON. encoding/json escapes
// fewer characters: neither U+009B, with which commands to a terminal begin, nor those
// that change the direction of text.
func asInJSON(char string) (escapes string) {
	for _, unit := range utf16.Encode([]rune(char)) {
		escapes += fmt.Sprintf(`\u%04x`, unit)
	}
	return escapes
}

// obeyed reports whether printable escapes the character. Decoding yields utf8.RuneError
// for a byte that is not UTF-8, as for the character of that name.
func obeyed(r rune) bool {
	return r == utf8.RuneError || !strconv.IsGraphic(r) && r != '\n' && r != '\t'
}

// printableName is printable for a name, which is part of a line.
func printableName(name string) string {
	return printable(strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(name))
}

// printableWriter writes text as printable returns it. It is safe for concurrent use.
type printableWriter struct {
	out  io.Writer
	json bool // the text is JSON, or JavaScript with JSON in it, and remains so

	mu   sync.Mutex
	rest []byte // the beginning of a character whose end has not been written yet
}

// Write implements [io.Writer].
func (w *printableWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := append(w.rest, text...)
	end := len(all)
	for end > 0 && len(all)-end < utf8.UTFMax && !utf8.RuneStart(all[end-1]) {
		end--
	}
	if end > 0 && !utf8.FullRune(all[end-1:]) {
		end--
	} else {
		end = len(all)
	}
	as := asInGo
	if w.json {
		as = asInJSON
	}
	_, err := io.WriteString(w.out, escape(string(all[:end]), as))
	w.rest = append([]byte(nil), all[end:]...)
	return len(text), err
}
