package scenario

import (
	"fmt"

	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// Limits bound the resources of a run, for programs that run scenarios of others. 0 means
// no bound. A scenario with too many statements or tasks is refused. A run that exceeds
// another limit ends there, with a finding whose Err is a [*LimitError].
type Limits struct {
	Statements int // of the scenario
	Tasks      int // of the scenario, including those that fork creates
	Steps      int // visible steps of the run
	Pages      int // frames and page tables that the machine allocates
	Events     int // collected events
	EventBytes int // bytes of text in the collected events
	Text       int // bytes of answers
}

// LimitError is the error of a run that has exceeded a limit.
type LimitError struct {
	What  string
	Limit int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the run ends here: it takes more than %d %s", e.Limit, e.What)
}

func tooMany(stmt *syntax.Stmt, what string, limit int) *syntax.Error {
	return &syntax.Error{Pos: stmt.Pos, Msg: "more than " + syntax.Counted(limit, what)}
}

// eventSize returns the number of bytes of text in an event.
func eventSize(e *sim.Event) int {
	n := len(e.Task) + len(e.Func) + len(e.Kind) + len(e.Object) + len(e.Rule)
	for _, a := range e.Args {
		n += len(a.Key)
		switch v := a.Value.(type) {
		case string:
			n += len(v)
		case []string:
			for _, item := range v {
				n += len(item)
			}
		}
	}
	return n
}

// beyondLimits counts an answer, and returns an error if the run exceeds a limit now.
func (s *Session) beyondLimits(a *answer) error {
	if s.model == nil {
		return nil
	}
	s.text += len(a.text)
	for _, line := range a.block {
		s.text += len(line)
	}
	events, eventBytes := s.model.eventCount()
	switch l := &s.opts.Limits; {
	case l.Text > 0 && s.text > l.Text:
		return &LimitError{"bytes of answers", l.Text}
	case l.Events > 0 && events > l.Events:
		return &LimitError{"events", l.Events}
	case l.EventBytes > 0 && eventBytes > l.EventBytes:
		return &LimitError{"bytes of events", l.EventBytes}
	}
	return nil
}
