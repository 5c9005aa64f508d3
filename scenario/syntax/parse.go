package syntax

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxLine is the length of the longest line, in bytes.
const maxLine = 64 << 10

// Parse reads a scenario; messages call it name. The error is of type [Errors] and lists
// every mistake, up to a limit.
func Parse(name string, src []byte) (*File, error) { return ParseAt(name, 1, src) }

// ParseAt is [Parse] for a part of a scenario, whose first line has the number first in
// messages and in the places of the statements. [File.Rewrite] needs a whole scenario.
func ParseAt(name string, first int, src []byte) (*File, error) {
	f := &File{Name: name, lines: strings.SplitAfter(string(src), "\n")}
	var errs Errors
	var open *Stmt // the statement that output on the next line belongs to, nil if none
	for i, line := range f.lines {
		pos := Pos{File: name, Line: first + i, Col: 1}
		line = strings.TrimRight(line, "\r\n")
		stmt, err := f.parseLine(pos, line, open)
		if err != nil {
			if !errs.Add(err) {
				break
			}
			stmt = open // output below a mistake is no second mistake
			if stmt == nil {
				stmt = &Stmt{}
			}
		}
		open = stmt
	}
	if f.block != nil && len(errs) <= MaxErrors {
		errs.Add(&Error{Pos: f.block.Pos, Msg: `the parallel block is not closed: "}" is missing`})
	}
	f.block = nil
	if errs != nil {
		return nil, errs
	}
	return f, nil
}

// parseLine reads a line, and returns the statement that output on the next line belongs
// to, nil if none.
func (f *File) parseLine(pos Pos, line string, open *Stmt) (stmt *Stmt, err *Error) {
	if err := checkText(pos, line); err != nil {
		return nil, err
	}
	body := strings.TrimLeft(line, " \t")
	switch {
	case body == "" || body[0] == '#':
		d, ok := directive(pos, body)
		if ok && len(f.Stmts) > 0 {
			return nil, &Error{Pos: pos, Msg: fmt.Sprintf("the directive %s must come before the first statement", quote(d.Key, shownWord))}
		}
		if ok {
			f.Directives = append(f.Directives, d)
		}
		return nil, nil
	case len(body) < len(line) && f.block == nil:
		if open == nil {
			return nil, &Error{Pos: pos, Msg: "an indented line is output, but there is no statement before it"}
		}
		open.Block = append(open.Block, strings.TrimRight(body, " \t"))
		return open, nil
	}
	defer func() {
		if p := recover(); p != nil {
			var mistake bool
			if err, mistake = p.(*Error); !mistake {
				panic(p)
			}
		}
	}()
	return f.parseStatement(&scanner{line: line, pos: pos}), nil
}

// parseStatement reads a line with a statement or a part of a parallel block, and returns
// the statement that output on the next line belongs to.
func (f *File) parseStatement(s *scanner) *Stmt {
	if f.block != nil {
		f.parseInBlock(s)
		return nil
	}
	stmt := f.parseBlockStart(s)
	switch {
	case stmt != nil:
	case s.conditionFollows():
		stmt = parseCondition(s)
	default:
		stmt = parseStmt(s)
	}
	f.checkOrder(stmt)
	f.Stmts = append(f.Stmts, stmt)
	if stmt.Call == nil && !stmt.Await {
		return nil // neither a block nor a condition has output
	}
	return stmt
}

func checkText(pos Pos, line string) *Error {
	switch {
	case len(line) > maxLine:
		return &Error{Pos: pos, Msg: "the line is longer than 64 KiB"}
	case strings.IndexByte(line, 0) >= 0:
		pos.Col = strings.IndexByte(line, 0) + 1
		return &Error{Pos: pos, Msg: "a NUL byte: is this a text file?"}
	case !utf8.ValidString(line):
		pos.Col = validLen(line) + 1
		return &Error{Pos: pos, Msg: "not valid UTF-8"}
	case pos.Line == 1 && strings.HasPrefix(line, "\ufeff"):
		return &Error{Pos: pos, Msg: "a byte order mark: save the file without it"}
	}
	return nil
}

// validLen returns the length in bytes of the longest valid UTF-8 text that the text
// begins with.
func validLen(text string) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// directive reads "#! key: value", and reports whether the line is a directive.
func directive(pos Pos, body string) (Directive, bool) {
	rest, ok := strings.CutPrefix(body, "#!")
	key, value, colon := strings.Cut(rest, ":")
	return Directive{pos, strings.TrimSpace(key), strings.TrimSpace(value)}, ok && colon
}

func parseStmt(s *scanner) *Stmt {
	stmt := &Stmt{Pos: s.here()}
	callPos := stmt.Pos
	word, ok := s.word()
	if !ok {
		s.fail(stmt.Pos, "expected a task, a name or an operation, found %s", s.found())
	}
	if s.accept(":") {
		stmt.Task = word
		callPos = s.here()
		if word, ok = s.word(); !ok {
			s.fail(callPos, "expected an operation for task %s, found %s", stmt.Task, s.found())
		}
	}
	if s.peek() == '=' && s.bindingFollows() {
		stmt.Bind = word
		s.accept("=")
		callPos = s.here()
		word, _ = s.word()
	}
	switch {
	case s.peek() == '(':
		stmt.Call = parseCall(s, callPos, word)
	case stmt.Task == "" && (s.peek() == '=' || s.peek() == 0):
		stmt.Await, stmt.Task = true, word
	default:
		s.fail(s.here(), "expected %q after %q, found %s", "(", word, s.found())
	}
	stmt.Op = strings.TrimSpace(s.line[:s.at])
	if p := s.here(); s.accept("=") {
		stmt.Want = s.rest()
		stmt.HasWant = true
		if stmt.Want == "" {
			s.fail(p, "no answer after %q", "=")
		}
	}
	if s.peek() != 0 {
		s.fail(s.here(), "unexpected %s after the statement", s.found())
	}
	return stmt
}

// bindingFollows reports whether the = that comes next is followed by a call.
func (s *scanner) bindingFollows() bool {
	ahead := *s
	ahead.accept("=")
	_, ok := ahead.name()
	return ok && ahead.at < len(ahead.line) && ahead.line[ahead.at] == '('
}

// rest takes the rest of the line up to a comment, which begins with a # outside quotes.
// Quotes must be closed: otherwise the beginning of the comment is ambiguous.
func (s *scanner) rest() string {
	s.space()
	from := s.at
	for ; s.at < len(s.line) && s.line[s.at] != '#'; s.at++ {
		if c := s.line[s.at]; c == '\'' || c == '"' {
			n := closing(s.line[s.at:])
			if n == 0 {
				s.fail(s.here(), "the quote is not closed")
			}
			s.at += n
		}
	}
	return strings.TrimSpace(s.line[from:s.at])
}

func parseCall(s *scanner, pos Pos, name string) *Call {
	s.accept("(")
	return &Call{Pos: pos, Name: name, Args: parseArgs(s, ")")}
}

// parseArgs takes arguments up to the closing bracket, which may follow a comma.
func parseArgs(s *scanner, closing string) []Arg {
	var args []Arg
	for !s.accept(closing) {
		if s.peek() == 0 {
			s.fail(s.here(), "%q is missing", closing)
		}
		args = append(args, parseArg(s))
		if s.peek() != 0 && !s.accept(",") {
			s.expect(closing, "or a comma")
			break
		}
	}
	return args
}

func parseArg(s *scanner) Arg {
	arg := Arg{Pos: s.here()}
	ahead := *s
	if key, ok := ahead.name(); ok && ahead.accept("=") {
		s.checkName(arg.Pos, key)
		arg.Key = key
		*s = ahead
	}
	arg.Value = parseValue(s)
	return arg
}
