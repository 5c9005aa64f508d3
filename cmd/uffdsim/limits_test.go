package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A value that makes no sense is refused before any work, and the limit is named.
func TestLimits(t *testing.T) {
	for args, want := range map[string]string{
		"conform --workers 1000000000":                           "--workers 1000000000: must be from 1 to 1024",
		"conform --workers 0":                                    "--workers 0: must be from 1 to 1024",
		"conform --operations -1":                                "--operations -1: must be from 0 to 1000000000",
		"conform --fuzz -1s":                                     "--fuzz -1s: must be from 0s to 8760h0m0s",
		"conform --timeout 0s":                                   "--timeout 0s: must be from 1ms to 8760h0m0s",
		"explore copy --workers 1000000000":                      "--workers 1000000000: must be from 0 to 1024",
		"explore copy --workers -1":                              "--workers -1: must be from 0 to 1024",
		"explore copy --strategy pct --depth 99999999":           "--depth 99999999: must be from 1 to 1000",
		"explore copy --depth -1":                                "--depth -1: must be from 1 to 1000",
		"explore copy --faulters 9":                              "--faulters 9: must be from 0 to 8",
		"explore copy --budget -1s":                              "--budget -1s: must be from 0s to 8760h0m0s",
		"explore copy --shard 0/1000000000 --exchange /nowhere":  "--shard 0/1000000000: must be at most 1024 shards",
		"explain recheck-after-enqueue --budget -1s":             "--budget -1s: must be from 0s to 8760h0m0s",
		"run --steps -5 01":                                      "--steps -5: must be from 1 to 1000000000",
		"run --steps 0 01":                                       "--steps 0: must be from 1 to 1000000000",
		"run --steps 9000000000000000000 01":                     "--steps 9000000000000000000: must be from 1 to 1000000000",
		"run --format json --steps -5 01":                        "--steps -5: must be from 1 to 1000000000",
		"bench --time 9999h":                                     "--time 9999h: must be from 0s to 1h0m0s",
		"play --no-browser --port 65536":                         "--port 65536: must be from 0 to 65535",
		"play --no-browser --port -1":                            "--port -1: must be from 0 to 65535",
		"conform --workers 0 --operations -1 --target /nowhere ": "--workers 0: must be from 1 to 1024",
	} {
		t.Run(args, func(t *testing.T) {
			var out, errOut strings.Builder
			require.Equal(t, exitMistake, execute(strings.Fields(args), strings.NewReader(""), &out, &errOut))
			require.Equal(t, want+"\n", errOut.String())
			require.Empty(t, out.String())
		})
	}
}
