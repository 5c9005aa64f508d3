package scenario

import (
	"github.com/uffdsim/uffdsim/sim"
)

// The operations on processes and tasks.
var processOperations = []Operation{
	{
		Name:    "fork",
		Doc:     "copies the process and returns the child's number. The name before the = is the child's first task; child.t1 is another.",
		Example: "child = fork() = 2",
		binds:   kindProcess,
		run: func(c *call) answer {
			child, pid, err := c.task.Fork()
			if err != nil {
				return failure(err)
			}
			a := result(uint64(pid), nil, "%d")
			a.child = child
			return a
		},
	},
	{
		Name:    "exit",
		Doc:     "ends the task's process: its descriptors are closed, and its memory is freed unless a userfaultfd holds it.",
		Example: "child: exit() = exited",
		run: func(c *call) answer {
			c.task.Exit()
			return answer{text: "exited"}
		},
	},
	{
		Name:    "kill",
		Doc:     "sends a signal to a task. SIGUSR1 has a handler; SIGKILL ends the task, and no other.",
		Example: "kill(t1, SIGKILL) = 0",
		params:  []param{{name: "task", kind: kindTask}, {name: "signal", kind: kindName, domain: signals}},
		run:     runKill,
	},
}

// runKill sends the signal if the target is in the kernel. In user mode SIGUSR1's handler
// has no visible effect, and SIGKILL ends the task at once.
func runKill(c *call) answer {
	target, fatal := c.args[0].target, sim.Signal(c.number(1)) == sim.SignalFatal
	a := status(nil)
	switch {
	case target.self:
		c.task.Kill(nil, sim.Signal(c.number(1)))
	case target.sleeping != nil:
		c.task.Kill(target.sleeping, sim.Signal(c.number(1)))
	case fatal:
		a.ended = target.task
	}
	return a
}

// target is the task that a signal is sent to, in the state in which it was when the
// operation began.
type target struct {
	task     *task
	sleeping Flight // nil if it is in user mode
	self     bool
}

var signals = &domain{what: "a signal", names: []constant{
	{"SIGKILL", uint64(sim.SignalFatal)}, {"SIGUSR1", uint64(sim.SignalOrdinary)},
}}
