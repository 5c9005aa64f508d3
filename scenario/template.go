package scenario

import (
	"bytes"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// template is the part of a struct that is known before the run.
type template struct {
	layout  *layout
	words   []uint64
	names   []string // the name of the address that a field gets, "" for none
	given   []bool
	fill    byte // the byte that fills the source
	hasFill bool
}

// maxFill is the maximal length in bytes of the source that byte= stands for.
const maxFill = 16 << 20

// ioctlArgument checks the third argument of an ioctl.
func (c *compiler) ioctlArgument(p *param, v *syntax.Value, cmd uint32) argument {
	switch v.Kind {
	case syntax.Struct:
		return argument{form: c.template(v, cmd)}
	case syntax.String:
		return argument{value: value{bytes: []byte(v.Text)}}
	case syntax.Char, syntax.Wildcard:
		c.wrongType(p.name, p.kind, v)
		return argument{}
	}
	return c.numberOrName(&param{name: p.name, kind: kindAddress}, v)
}

// template checks a struct, field by field.
func (c *compiler) template(v *syntax.Value, cmd uint32) *template {
	l := layoutOf(cmd)
	if l == nil {
		c.fail(v.Pos, "", "the struct of this command is unknown: give an address, or the bytes as a string")
		return nil
	}
	n := len(l.fields)
	tp := &template{layout: l, words: make([]uint64, n), names: make([]string, n), given: make([]bool, n)}
	before := len(c.errs)
	for i := range v.Fields {
		c.field(tp, &v.Fields[i])
	}
	if len(c.errs) == before { // otherwise a missing field may be a misspelt one
		tp.complete(c, v.Pos)
	}
	return tp
}

func (c *compiler) field(tp *template, a *syntax.Arg) {
	l := tp.layout
	i := slices.IndexFunc(l.fields, func(f field) bool { return f.name == a.Key })
	switch {
	case a.Key == "":
		c.fail(a.Pos, "", "a field of %s is name=value: it has %s", l.command, strings.Join(l.fieldNames(), ", "))
	case a.Key == fillField && slices.Contains(l.fieldNames(), fillField):
		if a.Value.Kind != syntax.Char || tp.hasFill {
			c.fail(a.Value.Pos, "", "byte is one character: byte='A'")
			return
		}
		tp.fill, tp.hasFill = a.Value.Text[0], true
	case i < 0:
		c.noField(a.Pos, l, a.Key)
	case tp.given[i]:
		c.fail(a.Pos, "", "%s is given twice", a.Key)
	default:
		tp.given[i] = true
		if f := &l.fields[i]; f.domain != nil {
			tp.words[i] = c.number(f.name, f.domain, &a.Value)
		} else {
			arg := c.numberOrName(&param{name: f.name, kind: kindAddress}, &a.Value)
			tp.words[i], tp.names[i] = arg.number, arg.name
		}
	}
}

// noField reports a name that is no field of the struct.
func (c *compiler) noField(pos syntax.Pos, l *layout, name string) {
	known := l.fieldNames()
	if hint := syntax.Suggest(name, known); hint != "" {
		c.fail(pos, hint, "%s has no field %s", l.command, syntax.Quote(name))
		return
	}
	c.fail(pos, "", "%s has no field %s: it has %s", l.command, syntax.Quote(name), strings.Join(known, ", "))
}

// complete checks that no field is missing, and sets the fields of the kernel to their
// value before the call.
func (tp *template) complete(c *compiler, pos syntax.Pos) {
	for i, f := range tp.layout.fields {
		switch {
		case f.name == "src" && tp.hasFill && tp.given[i]:
			c.fail(pos, "", "src and byte exclude each other")
		case f.name == "len" && tp.hasFill && tp.words[i] > maxFill:
			c.fail(pos, "", "byte stands for at most %d bytes: copy them from src", maxFill)
		case tp.given[i]:
		case f.role == out:
			tp.words[i] = untouched
		case f.name == "src" && !tp.hasFill && tp.layout.cmd == abi.UFFDIO_COPY:
			c.fail(pos, "", "%s needs a source: src=ADDRESS, or byte='A'", tp.layout.command)
		case !(f.name == "src" && tp.hasFill) && !f.optional:
			c.fail(pos, "", "%s lacks the field %s", tp.layout.command, f.name)
		}
	}
}

// record returns the struct with all values. lookup returns the value of a name.
func (tp *template) record(lookup func(name string) (uint64, error)) (*record, error) {
	r := &record{layout: tp.layout, words: slices.Clone(tp.words)}
	length := uint64(0)
	for i, name := range tp.names {
		if name != "" {
			n, err := lookup(name)
			if err != nil {
				return nil, err
			}
			r.words[i] = n
		}
		if tp.layout.fields[i].name == "len" {
			length = r.words[i]
		}
	}
	if tp.hasFill {
		r.source = func() []byte { return bytes.Repeat([]byte{tp.fill}, int(min(length, maxFill))) }
	}
	return r, nil
}
