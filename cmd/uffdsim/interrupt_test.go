package main

import (
	"bytes"
	"context"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An interrupted comparison does not report agreement, and a target that the interrupt
// killed is not reported as a divergence.
func TestInterruptedConform(t *testing.T) {
	for name, c := range map[string]conformance{
		"made up":          {target: "uffdsim serve", fuzz: time.Minute},
		"made up, hanging": {target: "sleep 60", fuzz: time.Minute},
		"files, hanging":   {target: "sleep 60"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer stop()
			c.kernel, c.workers, c.timeout, c.program = newest(), 2, time.Minute, true
			start := time.Now()
			var out strings.Builder
			err := c.run(ctx, &out, &strings.Builder{}, nil)
			require.ErrorIs(t, err, errInterrupted)
			require.Equal(t, exitMistake, exitCode(err, &out))
			require.NotContains(t, out.String(), "DIVERGES")
			require.NotContains(t, out.String(), "no divergence\n")
			require.Less(t, time.Since(start), 30*time.Second)
		})
	}
}

// interrupter sends this process an interrupt when a text is written to it.
type interrupter struct {
	t    *testing.T
	at   string
	sent bool
	bytes.Buffer
}

// Write implements [io.Writer].
func (w *interrupter) Write(text []byte) (int, error) {
	if !w.sent && bytes.Contains(text, []byte(w.at)) {
		arrived := make(chan os.Signal, 1)
		signal.Notify(arrived, os.Interrupt)
		defer signal.Stop(arrived)
		self, err := os.FindProcess(os.Getpid())
		require.NoError(w.t, err)
		if err := self.Signal(os.Interrupt); err != nil {
			w.t.Skip(err)
		}
		<-arrived
		w.sent = true
	}
	return w.Buffer.Write(text)
}

// An interrupted benchmark prints the rows measured so far.
func TestInterruptedBench(t *testing.T) {
	errOut := &interrupter{t: t, at: "measuring: mmap+munmap of a page, 100 VMAs"}
	var out strings.Builder
	args := []string{"bench", "--no-kernel", "--time", "1ms", "--only", ", 100 "}
	require.Equal(t, exitMistake, execute(args, strings.NewReader(""), &out, errOut))
	require.Contains(t, errOut.String(), "interrupted: not every row was measured\n")
	require.Contains(t, out.String(), "copy that wakes one, 100 sleepers")
}
