package scenario

import (
	"errors"
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
)

// call is an operation on its way: what its function works with. The arguments have
// been checked against the operation's parameters.
type call struct {
	session *Session
	process *process
	task    Thread // nil for an operation that is done from outside
	args    []value
}

// value is an argument whose names have been looked up. Which of the fields count is
// the parameter's kind's.
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

// numberOr is an optional argument.
func (c *call) numberOr(i int, standard uint64) uint64 {
	if !c.given(i) {
		return standard
	}
	return c.number(i)
}

// answer is what an operation ended with.
type answer struct {
	text  string
	block []string
	// value is what a name in front of the operation stands for from here on.
	value uint64
	// child is the process that fork made.
	child Process
	// ended is a task that the operation has ended in user mode.
	ended *task
	// unready says that the call was refused and came before the handshake.
	unready bool
}

const failed = ^uint64(0) // what a system call that failed returns: -1

// result is the answer of a system call that returns a number, shown as format has it.
func result(n uint64, err error, format string) answer {
	if err != nil {
		return failure(err)
	}
	return answer{text: fmt.Sprintf(format, n), value: n}
}

// status is the answer of a system call that returns 0 or an error.
func status(err error) answer { return result(0, err, "%d") }

// failure is the answer of a system call that failed, as strace prints it.
func failure(err error) answer {
	var no errno.Errno
	if !errors.As(err, &no) {
		return answer{text: "-1 " + err.Error(), value: failed}
	}
	return answer{text: "-1 " + no.Error(), value: failed}
}

// signalled is the answer of an access to memory that ended with a signal.
func signalled(outcome mm.Outcome, at uint64) answer {
	switch outcome {
	case mm.SegFault, mm.BusError:
		return answer{text: fmt.Sprintf("%v %#x", outcome, at)}
	}
	return answer{text: outcome.String()}
}
