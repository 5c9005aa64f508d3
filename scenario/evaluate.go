package scenario

// call evaluates a statement's arguments. t is nil for an operation from outside of the
// machine.
func (s *Session) call(st *statement, p *process, t *task) (*call, error) {
	if st.op.Name == "exit" {
		if err := s.exitable(st, t); err != nil {
			return nil, err
		}
	}
	c, err := s.callOf(st, p, s.valueOf(st), func(name string) target { return s.target(name, t) })
	if err != nil {
		return nil, err
	}
	s.look(c, st.op)
	return c, nil
}

// valueOf returns the function that looks up the value of a name for a statement.
func (s *Session) valueOf(st *statement) func(name string) (uint64, error) {
	return func(name string) (uint64, error) {
		if n, ok := s.names[name]; ok {
			return n, nil
		}
		return 0, cannotGoOn{st.errorf("%s has no value yet: the operation that returns it is blocked", name)}
	}
}

// callOf evaluates a statement's arguments with functions that look up names of values
// and of tasks.
func (s *Session) callOf(st *statement, p *process, lookup func(name string) (uint64, error), find func(task string) target) (*call, error) {
	c := &call{session: s, process: p, args: make([]value, len(st.args))}
	for i := range st.args {
		v, err := evaluate(&st.args[i], st.op.params[i].kind, lookup, find)
		if err != nil {
			return nil, err
		}
		c.args[i] = v
	}
	return c, nil
}

func evaluate(a *argument, k kind, lookup func(string) (uint64, error), find func(string) target) (v value, err error) {
	v = a.value
	switch {
	case k == kindTask && a.given:
		v.target = find(a.name)
	case a.form != nil:
		v.record, err = a.form.record(lookup)
	case a.name != "":
		v.number, err = lookup(a.name)
	}
	return v, err
}

// target returns the task with its current operation, as the target of a signal.
func (s *Session) target(name string, self *task) target {
	if t := s.task[name]; t != nil {
		return target{task: t, sleeping: t.sleeping(), self: t == self}
	}
	// The task has done nothing yet: it is a child's first task, for example.
	p := s.process[name]
	if p == nil {
		p = s.processes[0]
	}
	return target{task: s.taskNamed(name, p)}
}

// look stores the address that the operation uses, for Draw.
func (s *Session) look(c *call, op *Operation) {
	for i, p := range op.params {
		v := c.args[i]
		switch {
		case p.kind == kindIoctlArg && v.record != nil && len(v.record.layout.fields) > 3:
			s.focus = &place{c.process, v.record.words[0]}
		case p.kind == kindAddress && op.required() > i && (op.Name == "pagewalk" || op.isTouch()):
			s.focus = &place{c.process, v.number}
		}
	}
}

// isTouch reports whether the operation accesses memory.
func (o *Operation) isTouch() bool {
	for i := range touchOperations {
		if touchOperations[i].Name == o.Name {
			return true
		}
	}
	return false
}
