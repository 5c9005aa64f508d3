package errno_test

import (
	"errors"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
)

// Every number is the host's, so that code written for the real kernel recognises the
// model's errors.
func TestHostErrnosMatch(t *testing.T) {
	for n := range 600 {
		e := errno.Errno(n)
		if _, ok := errno.Parse(e.Name()); !ok {
			continue
		}
		require.ErrorIs(t, e, syscall.Errno(n))
		require.False(t, errors.Is(e, syscall.Errno(n+1)))
	}
	require.ErrorIs(t, errno.EEXIST, syscall.EEXIST)
	require.ErrorIs(t, errno.EOPNOTSUPP, syscall.EOPNOTSUPP)
	require.ErrorIs(t, errno.EOVERFLOW, syscall.EOVERFLOW)
}
