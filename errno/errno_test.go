package errno_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
)

func TestNamesAndTexts(t *testing.T) {
	for _, test := range []struct {
		e     errno.Errno
		name  string
		error string
	}{
		{errno.EEXIST, "EEXIST", "EEXIST (File exists)"},
		{errno.EAGAIN, "EAGAIN", "EAGAIN (Resource temporarily unavailable)"},
		{errno.ERESTARTSYS, "ERESTARTSYS", "ERESTARTSYS (To be restarted if SA_RESTART is set)"},
		{errno.Errno(4000), "errno 4000", "errno 4000"},
	} {
		require.Equal(t, test.name, test.e.Name())
		require.EqualError(t, test.e, test.error)
	}
}

func TestParseFindsEveryName(t *testing.T) {
	for e := errno.Errno(0); e < 600; e++ {
		got, ok := errno.Parse(e.Name())
		require.Equal(t, e.Name() != fmt.Sprintf("errno %d", int(e)), ok, e.Name())
		if ok {
			require.Equal(t, e, got)
		}
	}
}

// The model answers on hot paths: an errno in an error must not allocate.
func TestAnErrnoIsAnErrorWithoutAnAllocation(t *testing.T) {
	var sink error
	require.Zero(t, testing.AllocsPerRun(100, func() { sink = errno.EAGAIN }))
	require.Equal(t, errno.EAGAIN, sink)
}

func ExampleErrno() {
	var err error = errno.EBUSY
	fmt.Println(err, err == errno.EBUSY, int(errno.EBUSY))
	// Output: EBUSY (Device or resource busy) true 16
}
