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

// Hot paths return errnos: converting one to an error must not allocate, whether it is a
// constant or a variable.
func TestErrnoToErrorDoesNotAllocate(t *testing.T) {
	var sink error
	for e := errno.EPERM; e < 256; e++ {
		require.Zero(t, testing.AllocsPerRun(10, func() { sink = e }), e.Name())
		require.Equal(t, e, sink)
	}
	require.Zero(t, testing.AllocsPerRun(10, func() { sink = errno.ERESTARTSYS }))
	require.Equal(t, errno.ERESTARTSYS, sink)
}

// Only ERESTARTSYS, which no program sees, is above 255 and may allocate.
func TestOnlyKernelInternalNumbersAreLarge(t *testing.T) {
	for e := errno.Errno(256); e < 4096; e++ {
		if e.Name() != fmt.Sprintf("errno %d", int(e)) {
			require.Equal(t, errno.ERESTARTSYS, e)
		}
	}
}

func ExampleParse() {
	e, ok := errno.Parse("EINVAL")
	fmt.Println(int(e), e, ok)
	_, ok = errno.Parse("EWHAT")
	fmt.Println(ok)
	// Output:
	// 22 EINVAL (Invalid argument) true
	// false
}

func ExampleErrno() {
	var err error = errno.EBUSY
	fmt.Println(err, err == errno.EBUSY, int(errno.EBUSY))
	// Output: EBUSY (Device or resource busy) true 16
}
