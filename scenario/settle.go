package scenario

import (
	"errors"
	"fmt"
	"time"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
)

// settle runs the machine until every task is asleep or has ended. The error is a
// bug: of the modelled kernel, or of the model.
func (s *Session) settle() error {
	if s.free == nil {
		return s.settleControlled()
	}
	done := make(chan error, 1)
	go func() { done <- s.free.Settle() }()
	limit := time.NewTimer(s.opts.Timeout)
	defer limit.Stop()
	select {
	case err := <-done:
		return errors.Join(err, s.bug())
	case <-limit.C:
		return errors.Join(s.bug(), fmt.Errorf("the machine does not settle within %v", s.opts.Timeout))
	}
}

func (s *Session) settleControlled() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = internalError(p)
		}
	}()
	err = s.controlled.Settle()
	if endless, ok := errors.AsType[*sim.Endless](err); ok {
		return fmt.Errorf("%w; the limit is %d", endless, s.controlled.MaxSteps)
	}
	return err
}

func internalError(p any) error { return fmt.Errorf("the model itself failed: %v", p) }

// guard wraps an operation for the free executor, which lets a task's panic end the
// program: the panic becomes the session's bug, and the task ends. (The controlled
// executor catches panics itself.) What is neither a bug nor an ordinary panic is
// the machine's own way to end a task.
func (s *Session) guard(fn func(*machine.Task)) func(*machine.Task) {
	if s.free == nil {
		return fn
	}
	return func(t *machine.Task) {
		defer func() {
			switch p := recover().(type) {
			case nil:
			case *sim.Bug:
				s.setBug(p)
			case error, string:
				s.setBug(internalError(p))
			default:
				panic(p)
			}
		}()
		fn(t)
	}
}

func (s *Session) setBug(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.foundBug == nil {
		s.foundBug = err
	}
}

func (s *Session) bug() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.foundBug
}

// check holds the bookkeeping of the whole machine against itself.
func (s *Session) check() error {
	for _, p := range s.processes {
		if err := p.CheckInvariants(); err != nil {
			return fmt.Errorf("process %s: %w", p.name, err)
		}
	}
	for _, c := range s.contexts {
		if c.file == nil {
			continue
		}
		if err := c.CheckInvariants(c.file.Count() > 0); err != nil {
			return fmt.Errorf("context %s: %w", c.name, err)
		}
	}
	return nil
}

// Close ends the run: tasks that are still blocked are abandoned.
func (s *Session) Close() {
	if s.closed {
		return
	}
	s.closed = true
	if s.controlled != nil {
		s.stop()
		return
	}
	for _, t := range s.tasks {
		if sleeping := t.sleeping(); sleeping != nil {
			sleeping.Interrupt(sim.SignalFatal)
		}
	}
	if s.bug() == nil { // or a lock may be held for ever
		_ = s.settle() // a bug on the way out is nobody's: the run is over
	}
}

// stop unwinds the tasks. What they run into on the way belongs to no run any more.
func (s *Session) stop() {
	defer func() { _ = recover() }()
	s.controlled.Stop()
}
