package errno

import "syscall"

// Is makes errors.Is(errno.EEXIST, syscall.EEXIST) hold where the host's numbers are
// Linux's own.
func (e Errno) Is(target error) bool {
	host, ok := target.(syscall.Errno)
	return ok && Errno(host) == e
}
