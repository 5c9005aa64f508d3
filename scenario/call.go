package scenario

import (
	"errors"
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
)

// call is what an operation's function works on. The arguments match the operation's
// parameters.
type call struct {
	session *Session
	process *process
	task    Thread // nil for an operation from outside of the machine
	args    []value
}

// value is an argument whose names have been replaced by their values. The kind of the
// parameter decides which fields are used.
type value struct {
	given  bool
	number uint64
	bytes  []byte
	target target
	record *record // kindIoctlArg, a struct
	text   string
}

func (c *call) given(i int) bool    { return c.args[i].given }
func (c *call) number(i int) uint64 { return c.args[i].number }
func (c *call) fd(i int) int        { return int(int32(c.args[i].number)) }

// numberOr returns an optional argument, or the standard value if it was left out.
func (c *call) numberOr(i int, standard uint64) uint64 {
	if !c.given(i) {
		return standard
	}
	return c.number(i)
}

// answer is the result of an operation.
type answer struct {
	text  string
	block []string
	// value is the value of the name before the operation, for later statements.
	value uint64
	// child is the process that fork created, nil for other operations.
	child Process
	// ended is a task that the operation has ended in user mode, nil if none.
	ended *task
	// unmet has a text for each expectation of a parallel block, or of a condition, that
	// the run has not met.
	unmet []string
	// unready reports that the call came before the handshake and was refused.
	unready bool
}

const failed = ^uint64(0) // the return value of a failed system call: -1

// result returns the answer of a system call that returns a number, formatted with
// format.
func result(n uint64, err error, format string) answer {
	if err != nil {
		return failure(err)
	}
	return answer{text: fmt.Sprintf(format, n), value: n}
}

// status returns the answer of a system call that returns 0 or an error.
func status(err error) answer { return result(0, err, "%d") }

// failure returns the answer of a failed system call, as strace prints it.
func failure(err error) answer {
	var no errno.Errno
	if !errors.As(err, &no) {
		return answer{text: "-1 " + err.Error(), value: failed}
	}
	return answer{text: "-1 " + no.Error(), value: failed}
}

// signalled returns the answer of a memory access that ended with a signal.
func signalled(outcome mm.Outcome, at uint64) answer {
	switch outcome {
	case mm.SegFault, mm.BusError:
		return answer{text: fmt.Sprintf("%v %#x", outcome, at)}
	}
	return answer{text: outcome.String()}
}
