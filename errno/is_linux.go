package errno

import "syscall"

// Is makes errors.Is(errno.EEXIST, syscall.EEXIST) true on hosts that run Linux, where
// both types use the same numbers.
func (e Errno) Is(target error) bool {
	host, ok := target.(syscall.Errno)
	return ok && Errno(host) == e
}
