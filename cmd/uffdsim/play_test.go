package main

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A port in use is replaced only if it is the default. The output says so.
func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port

	cmd := newPlay()
	var errOut strings.Builder
	cmd.SetErr(&errOut)
	l, err := listen(cmd, port)
	require.NoError(t, err)
	defer l.Close()
	require.NotEqual(t, port, l.Addr().(*net.TCPAddr).Port)
	require.Regexp(t, fmt.Sprintf(`^port %d: .*in use.*: using a free one instead\n$`, port), errOut.String())

	errOut.Reset()
	require.NoError(t, cmd.Flags().Set("port", fmt.Sprint(port)))
	_, err = listen(cmd, port)
	require.Regexp(t, fmt.Sprintf(`^--port %d: .*in use.*; choose another port, or 0 for any free one$`, port), err.Error())
	require.NotContains(t, err.Error(), "listen tcp")
	require.Empty(t, errOut.String())
	require.Equal(t, exitMistake, exitCode(err, &errOut))
}
