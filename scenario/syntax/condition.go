package syntax

import (
	"fmt"
	"strings"
)

// Condition is a condition on the ends of all runs of a parallel block, in the words of
// herd7.
type Condition struct {
	Quantifier  Quantifier
	Proposition *Proposition
}

// Quantifier says at the ends of which runs the proposition of a condition must be true.
type Quantifier uint8

// The quantifiers.
const (
	Exists    Quantifier = iota // of at least one
	NotExists                   // of none
	Forall                      // of all
)

// String returns the quantifier's word.
func (q Quantifier) String() string { return [...]string{"exists", "~exists", "forall"}[q] }

// Proposition is a statement about the end of a run.
type Proposition struct {
	Pos      Pos
	Operator Operator
	Parts    []*Proposition // of an Operator other than Atom: one for Not, else two or more

	// The fields of an atom, "t1:r = loaded 'A'" or "[0x101000] = 'A'".
	Task    string // the task; of a memory location the process; "" for the main one
	Name    string // of the task's result, "" for that of the task's last operation
	Address *Value // of a memory location, nil for a result
	Want    string // the text after the =
}

// Operator combines propositions.
type Operator uint8

// The operators.
const (
	Atom Operator = iota
	Not
	And
	Or
)

// MaxAtoms is the maximal number of atoms of a proposition.
const MaxAtoms = 64

// ParseProposition reads a proposition that stands alone; messages call the text name.
// The error is of type [Errors].
func ParseProposition(name, text string) (p *Proposition, err error) {
	pos := Pos{File: name, Line: 1, Col: 1}
	if mistake := checkText(pos, text); mistake != nil {
		return nil, Errors{mistake}
	}
	defer func() {
		if raised := recover(); raised != nil {
			mistake, ok := raised.(*Error)
			if !ok {
				panic(raised)
			}
			err = Errors{mistake}
		}
	}()
	s := &scanner{line: text, pos: pos}
	p = parseProposition(s)
	if s.peek() != 0 {
		s.fail(s.here(), "unexpected %s after the proposition", s.found())
	}
	return p, nil
}

// conditionFollows reports whether a condition comes next.
func (s *scanner) conditionFollows() bool {
	ahead := *s
	if ahead.accept("~") {
		return true
	}
	word, _ := ahead.name()
	return (word == Exists.String() || word == Forall.String()) && ahead.peek() == '('
}

// parseCondition takes a condition.
func parseCondition(s *scanner) *Stmt {
	stmt := &Stmt{Pos: s.here(), Condition: &Condition{Quantifier: Exists}}
	negated := s.accept("~")
	p := s.here()
	switch word, _ := s.name(); {
	case word == Exists.String() && negated:
		stmt.Condition.Quantifier = NotExists
	case word == Forall.String() && !negated:
		stmt.Condition.Quantifier = Forall
	case word != Exists.String():
		s.fail(p, "expected %q after %q, found %s", "exists (", "~", quote(word, shownWord))
	}
	s.expect("(", "before the proposition")
	stmt.Condition.Proposition = parseProposition(s)
	s.expect(")", "after the proposition")
	stmt.Op = strings.TrimSpace(s.line[:s.at])
	if s.peek() != 0 {
		s.fail(s.here(), "unexpected %s after the condition", s.found())
	}
	return stmt
}

// parseProposition takes parts with \/ between them.
func parseProposition(s *scanner) *Proposition {
	if s.depth++; s.depth > maxDepth {
		s.fail(s.here(), "propositions are nested more than %d deep", maxDepth)
	}
	p := parseParts(s, Or, `\/`, func() *Proposition { return parseParts(s, And, `/\`, func() *Proposition { return parsePart(s) }) })
	s.depth--
	return p
}

// parseParts takes parts with the operator's sign between them. It returns a single one
// without the operator.
func parseParts(s *scanner, op Operator, sign string, parse func() *Proposition) *Proposition {
	p := &Proposition{Pos: s.here(), Operator: op, Parts: []*Proposition{parse()}}
	for s.accept(sign) {
		p.Parts = append(p.Parts, parse())
	}
	if len(p.Parts) == 1 {
		return p.Parts[0]
	}
	return p
}

// parsePart takes an atom, a negation or a proposition in parentheses.
func parsePart(s *scanner) *Proposition {
	pos := s.here()
	switch {
	case s.accept("~"):
		if s.depth++; s.depth > maxDepth {
			s.fail(pos, "propositions are nested more than %d deep", maxDepth)
		}
		p := &Proposition{Pos: pos, Operator: Not, Parts: []*Proposition{parsePart(s)}}
		s.depth--
		return p
	case s.accept("("):
		p := parseProposition(s)
		s.expect(")", `or /\ or \/`)
		return p
	}
	if s.atoms++; s.atoms > MaxAtoms {
		s.fail(pos, "more than %d atoms", MaxAtoms)
	}
	p := parsePlace(s)
	s.expect("=", "after "+quote(strings.TrimSpace(s.line[pos.Col-1:s.at]), MaxName))
	at := s.here()
	if p.Want = s.wanted(); p.Want == "" {
		s.fail(at, "no result after %q", "=")
	}
	return p
}

// parsePlace takes what an atom is about: a task, a task and the name of a result, or a
// memory location.
func parsePlace(s *scanner) *Proposition {
	p := &Proposition{Pos: s.here()}
	word, named := s.word()
	if named {
		p.Task = word
		if !s.accept(":") {
			return p
		}
		if p.Name, named = s.word(); named {
			return p
		}
	}
	if !s.accept("[") {
		s.fail(s.here(), "expected a task or a memory location, as in %q or %q, found %s", "t1 = blocked", "[0x101000] = 'A'", s.found())
	}
	address := parseValue(s)
	if address.Kind != Number && address.Name() == "" {
		s.fail(address.Pos, "an address is a number or a name, not %v", address.Kind)
	}
	p.Address = &address
	s.expect("]", "after the address")
	return p
}

// wanted takes an expected result: the text up to the next operator or the parenthesis
// that closes the proposition, outside of quotes and of parentheses of its own.
func (s *scanner) wanted() string {
	s.space()
	from, open := s.at, 0
	for ; s.at < len(s.line) && s.line[s.at] != '#'; s.at++ {
		rest := s.line[s.at:]
		switch c := rest[0]; {
		case c == '\'' || c == '"':
			n := closing(rest)
			if n == 0 {
				s.fail(s.here(), "the quote is not closed")
			}
			s.at += n
		case c == '(':
			open++
		case c == ')' && open > 0:
			open--
		case c == ')', strings.HasPrefix(rest, `/\`), strings.HasPrefix(rest, `\/`):
			return strings.TrimSpace(s.line[from:s.at])
		}
	}
	return strings.TrimSpace(s.line[from:s.at])
}

// String returns the proposition in the form of the language.
func (p *Proposition) String() string {
	switch p.Operator {
	case Not:
		return "~" + p.Parts[0].nested()
	case And, Or:
		texts := make([]string, len(p.Parts))
		for i, part := range p.Parts {
			texts[i] = part.nested()
		}
		return strings.Join(texts, map[Operator]string{And: ` /\ `, Or: ` \/ `}[p.Operator])
	}
	return p.Place() + " = " + p.Want
}

// nested is String for a part of a proposition.
func (p *Proposition) nested() string {
	if p.Operator <= Not {
		return p.String()
	}
	return "(" + p.String() + ")"
}

// Place returns what an atom is about: "t1", "t1:r1" or "[0x101000]".
func (p *Proposition) Place() string {
	switch {
	case p.Address == nil && p.Name == "":
		return p.Task
	case p.Address == nil:
		return p.Task + ":" + p.Name
	}
	at := p.Address.Name()
	if at == "" {
		at = fmt.Sprintf("%#x", p.Address.Number)
	}
	if p.Task != "" {
		return p.Task + ":[" + at + "]"
	}
	return "[" + at + "]"
}

// Atoms calls fn for each atom, from left to right.
func (p *Proposition) Atoms(fn func(atom *Proposition)) {
	if p.Operator == Atom {
		fn(p)
	}
	for _, part := range p.Parts {
		part.Atoms(fn)
	}
}
