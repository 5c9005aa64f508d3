package scenario

import "github.com/uffdsim/uffdsim/scenario/syntax"

// argument is the part of an argument that is known before the run.
type argument struct {
	value
	name string    // of a descriptor, address or task whose value is used, "" for none
	form *template // of a struct
}

// arguments checks a call's arguments and returns one for each parameter of the
// operation.
func (c *compiler) arguments(op *Operation, call *syntax.Call) []argument {
	args := make([]argument, len(op.params))
	if len(op.params) == 1 && op.params[0].kind == kindSetting {
		args[0] = c.setting(call)
		return args
	}
	position, before := 0, len(c.errs)
	for i := range call.Args {
		a := &call.Args[i]
		at := position
		if a.Key != "" {
			at = op.paramIndex(a.Key)
			if at < 0 || !op.params[at].optional {
				c.unknown(a.Pos, "argument of "+op.Name, a.Key, op.optionalNames())
				continue
			}
		} else {
			position++
		}
		switch {
		case at >= len(op.params):
			c.fail(a.Pos, "", "too many arguments: it is %s(%s)", op.Name, op.Args())
			return args
		case args[at].given:
			c.fail(a.Pos, "", "%s is given twice", op.params[at].name)
		case op.params[at].kind == kindIoctlArg && len(c.errs) > before:
			args[at].given = true // with a wrong command the struct cannot be checked
		default:
			args[at] = c.argument(op, &op.params[at], a, args)
			args[at].given = true
		}
	}
	if position < op.required() {
		c.fail(call.Pos, "", "too few arguments: it is %s(%s)", op.Name, op.Args())
	}
	return args
}

// argument checks one argument. before has the arguments before it.
func (c *compiler) argument(op *Operation, p *param, a *syntax.Arg, before []argument) argument {
	v := &a.Value
	switch p.kind {
	case kindFD, kindAddress:
		return c.numberOrName(p, v)
	case kindNumber:
		return argument{value: value{number: c.number(p.name, p.domain, v)}}
	case kindLength, kindCount, kindTimeout:
		return c.bounded(p, v)
	case kindName:
		return c.oneName(p, v)
	case kindBytes:
		if v.Kind != syntax.Char && v.Kind != syntax.String || v.Text == "" {
			c.wrongType(p.name, p.kind, v)
		}
		return argument{value: value{bytes: []byte(v.Text)}}
	case kindTask:
		if c.inBlock {
			c.blockTask(v)
		} else if !c.tasks[v.Name()] {
			c.unknown(v.Pos, "task", spell(v), c.taskNames())
		}
		return argument{name: v.Name()}
	case kindIoctlArg:
		return c.ioctlArgument(p, v, uint32(before[1].number))
	}
	panic("no such kind of argument in " + op.Name)
}

func (c *compiler) wrongType(name string, want kind, v *syntax.Value) {
	if v.Kind == syntax.Wildcard {
		c.fail(v.Pos, "", "%s: ... is only for expected answers, where it stands for anything", name)
		return
	}
	c.fail(v.Pos, "", "%s must be %v, not %v", name, want, v.Kind)
}

// spell describes a value that should be a word: the word, or the kind of the value.
func spell(v *syntax.Value) string {
	if name := v.Name(); name != "" {
		return name
	}
	return v.Kind.String()
}

// numberOrName checks a number, or a name that stands for a number.
func (c *compiler) numberOrName(p *param, v *syntax.Value) argument {
	name := v.Name()
	switch bound := c.names[name]; {
	case v.Kind == syntax.Number:
		return argument{value: value{number: v.Number}}
	case name == "":
		c.wrongType(p.name, p.kind, v)
	case p.kind == kindAddress && name == "NULL":
	case bound == p.kind || bound == kindAny:
	case bound != kindNone || c.isProcess[name]:
		if bound == kindNone {
			bound = kindProcess
		}
		c.fail(v.Pos, "", "%s must be %v, and %s is %v", p.name, p.kind, name, bound)
	default:
		c.fail(v.Pos, syntax.Suggest(name, c.namesOf(p.kind)), "no earlier statement defines %q: %s must be %v", name, p.name, p.kind)
	}
	if name == "NULL" {
		name = ""
	}
	return argument{name: name}
}

// number returns the value of a number, or of a set of names of the domain.
func (c *compiler) number(what string, d *domain, v *syntax.Value) uint64 {
	switch {
	case v.Kind == syntax.Number:
		return v.Number
	case v.Kind != syntax.Flags || d == nil:
		c.wrongType(what, kindNumber, v)
		return 0
	}
	var n uint64
	for _, item := range v.Items {
		if item.Name == "" {
			n |= item.Number
			continue
		}
		word, ok := d.lookup(item.Name)
		if !ok {
			c.fail(item.Pos, syntax.Suggest(item.Name, d.known()), "%q is not %s", item.Name, d.what)
		}
		n |= word
	}
	return n
}

func (c *compiler) bounded(p *param, v *syntax.Value) argument {
	n := v.Number
	switch {
	case v.Kind != syntax.Number:
		c.wrongType(p.name, kindNumber, v)
	case p.kind == kindLength && (n < 1 || n > maxLength):
		c.fail(v.Pos, "", "%s must be 1 to %d", p.name, maxLength)
	case p.kind == kindCount && int64(n) < 1:
		c.fail(v.Pos, "", "%s must be 1 or more", p.name)
	case p.kind == kindTimeout && n != 0 && n != failed:
		c.fail(v.Pos, "", "%s must be 0 (do not wait) or -1 (wait): there is no clock", p.name)
	}
	return argument{value: value{number: n}}
}

func (c *compiler) oneName(p *param, v *syntax.Value) argument {
	word, ok := p.domain.lookup(v.Name())
	if !ok {
		c.fail(v.Pos, syntax.Suggest(v.Name(), p.domain.known()), "%s is not %s", spell(v), p.domain.what)
	}
	return argument{value: value{number: word}}
}

// setting checks sysctl's name=value.
func (c *compiler) setting(call *syntax.Call) argument {
	if len(call.Args) != 1 || call.Args[0].Key == "" {
		c.fail(call.Pos, "", "wrong arguments: it is sysctl(name=value)")
		return argument{}
	}
	a := &call.Args[0]
	var known []string
	for _, s := range settings {
		if s.name != a.Key {
			known = append(known, s.name)
			continue
		}
		n := c.number(a.Key, s.domain, &a.Value)
		if n > s.limit {
			c.fail(a.Value.Pos, "", "%s must be at most %d", a.Key, s.limit)
		}
		return argument{value: value{given: true, number: n, text: a.Key}}
	}
	c.unknown(a.Pos, "setting", a.Key, known)
	return argument{}
}
