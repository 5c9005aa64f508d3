package sim

import "fmt"

// NotModelled is the panic value for an operation that Linux supports and the model does
// not. The model never returns an error number for it, which would claim that the kernel
// returns that number. The run cannot continue: the locks that the task holds stay held.
// The controlled executor ends the run with it; on the free executor it is an ordinary
// panic.
type NotModelled struct {
	// What is the operation, under the kernel's name: "UFFDIO_WRITEPROTECT".
	What string
	// Since is the first release of Linux that supports it: "5.7".
	Since string
}

// Error returns "not modelled: UFFDIO_WRITEPROTECT (in Linux since 5.7)".
func (n *NotModelled) Error() string {
	return fmt.Sprintf("not modelled: %s (in Linux since %s)", n.What, n.Since)
}

// Unmodelled panics with a [*NotModelled]: what is the operation, and since the first
// release that supports it.
func Unmodelled(t *Task, what, since string) { t.abort(&NotModelled{What: what, Since: since}) }
