package scenario

import (
	"fmt"

	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Limits bound what a run may take of the computer that it runs on, for whoever runs the scenarios of
// others. 0 is no bound. A scenario with too many statements or tasks is refused; a run that goes beyond
// another limit ends there, with a finding whose Err is a [*LimitError].
type Limits struct {
	Statements int // in the scenario
	Tasks      int // in it, those that fork makes among them
	Steps      int // visible steps, in all
	Pages      int // frames and page tables that the machine gives out
	Events     int // collected
	Text       int // bytes of answers
}

// LimitError says which limit a run has come to.
type LimitError struct {
	What  string
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the run ends here: it takes more than %d %s", e.Limit, e.What)
}

// refuse says which statement is one too many, or is of a task too many.
func (l *Limits) refuse(p *program) error {
	tasks := map[string]bool{mainName: true}
	for i, st := range p.statements {
		tasks[st.task] = true
		if st.op != nil && st.op.binds == kindProcess {
			tasks[st.Bind] = true
		}
		switch {
		case l.Statements > 0 && i >= l.Statements:
			return tooMany(st, "statements", l.Statements)
		case l.Tasks > 0 && len(tasks) > l.Tasks:
			return tooMany(st, "tasks", l.Tasks)
		}
	}
	return nil
}

func tooMany(st *statement, what string, limit int) error {
	return syntax.Errors{{Pos: st.Pos, Msg: fmt.Sprintf("more than %d %s", limit, what)}}
}

// beyondLimits counts an answer, and says which limit the run is beyond now.
func (s *Session) beyondLimits(a *answer) error {
	if s.model == nil {
		return nil
	}
	s.text += len(a.text)
	for _, line := range a.block {
		s.text += len(line)
	}
	switch l := &s.opts.Limits; {
	case l.Text > 0 && s.text > l.Text:
		return &LimitError{"bytes of answers", l.Text}
	case l.Events > 0 && s.model.eventCount() > l.Events:
		return &LimitError{"events", l.Events}
	}
	return nil
}
