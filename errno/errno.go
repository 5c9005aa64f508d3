// Package errno defines Linux's error numbers as a type of this module, so that the model
// returns Linux's numbers on every system it is built for.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): all of the package.
package errno

import "fmt"

// Errno is a Linux error number. It implements error; success is a nil error, never
// Errno(0).
//
// Converting an Errno to error does not allocate: every number that user space can see is
// below 256, and the Go runtime keeps a preallocated value for each such integer (a test
// checks this). [ERESTARTSYS] is above 256; it does not allocate where it is used as a
// constant.
type Errno int

// The numbers that the model returns.
const (
	EPERM      Errno = 1
	ENOENT     Errno = 2
	ESRCH      Errno = 3
	EINTR      Errno = 4
	EIO        Errno = 5
	E2BIG      Errno = 7
	EBADF      Errno = 9
	EAGAIN     Errno = 11
	ENOMEM     Errno = 12
	EACCES     Errno = 13
	EFAULT     Errno = 14
	EBUSY      Errno = 16
	EEXIST     Errno = 17
	ENODEV     Errno = 19
	EINVAL     Errno = 22
	ENFILE     Errno = 23
	EMFILE     Errno = 24
	ENOTTY     Errno = 25
	ENOSPC     Errno = 28
	ESPIPE     Errno = 29
	EPIPE      Errno = 32
	ENOSYS     Errno = 38
	EOVERFLOW  Errno = 75
	EOPNOTSUPP Errno = 95

	// ERESTARTSYS never reaches user space: on the return to user mode, an interrupted
	// system call either fails with EINTR or is restarted.
	ERESTARTSYS Errno = 512
)

// texts maps each number to its name and its message. Immutable.
var texts = map[Errno][2]string{
	EPERM:       {"EPERM", "Operation not permitted"},
	ENOENT:      {"ENOENT", "No such file or directory"},
	ESRCH:       {"ESRCH", "No such process"},
	EINTR:       {"EINTR", "Interrupted system call"},
	EIO:         {"EIO", "Input/output error"},
	E2BIG:       {"E2BIG", "Argument list too long"},
	EBADF:       {"EBADF", "Bad file descriptor"},
	EAGAIN:      {"EAGAIN", "Resource temporarily unavailable"},
	ENOMEM:      {"ENOMEM", "Cannot allocate memory"},
	EACCES:      {"EACCES", "Permission denied"},
	EFAULT:      {"EFAULT", "Bad address"},
	EBUSY:       {"EBUSY", "Device or resource busy"},
	EEXIST:      {"EEXIST", "File exists"},
	ENODEV:      {"ENODEV", "No such device"},
	EINVAL:      {"EINVAL", "Invalid argument"},
	ENFILE:      {"ENFILE", "Too many open files in system"},
	EMFILE:      {"EMFILE", "Too many open files"},
	ENOTTY:      {"ENOTTY", "Inappropriate ioctl for device"},
	ENOSPC:      {"ENOSPC", "No space left on device"},
	ESPIPE:      {"ESPIPE", "Illegal seek"},
	EPIPE:       {"EPIPE", "Broken pipe"},
	ENOSYS:      {"ENOSYS", "Function not implemented"},
	EOVERFLOW:   {"EOVERFLOW", "Value too large for defined data type"},
	EOPNOTSUPP:  {"EOPNOTSUPP", "Operation not supported"},
	ERESTARTSYS: {"ERESTARTSYS", "To be restarted if SA_RESTART is set"},
}

// Name returns the symbol, such as "EEXIST", or "errno 77" for a number without one.
func (e Errno) Name() string {
	if t, ok := texts[e]; ok {
		return t[0]
	}
	return fmt.Sprintf("errno %d", int(e))
}

// Error returns the name and the text as strace prints them: "EEXIST (File exists)".
func (e Errno) Error() string {
	if t, ok := texts[e]; ok {
		return t[0] + " (" + t[1] + ")"
	}
	return e.Name()
}

// Parse returns the number with the given name ("EEXIST") and reports whether one exists.
func Parse(name string) (Errno, bool) {
	for e, t := range texts {
		if t[0] == name {
			return e, true
		}
	}
	return 0, false
}
