package main

import (
	"context"
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
