// Package tracetest has runs for the tests of the packages that draw them.
package tracetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/uffd"
)

// Scenario runs a scenario on the kernel that it asks for.
func Scenario(t testing.TB, name, text string) trace.Stream {
	t.Helper()
	file, err := syntax.Parse(name, []byte(text))
	require.NoError(t, err)
	session, err := scenario.NewSession(file, scenario.Options{Trace: true})
	require.NoError(t, err)
	defer session.Close()
	s, _, err := trace.Of(session, name, text, 1, nil)
	require.NoError(t, err)
	return s
}

// Counterexamples returns failed runs of the explorer, each with a different failure.
func Counterexamples(t testing.TB) map[string]trace.Stream {
	t.Helper()
	streams := map[string]trace.Stream{}
	for _, r := range []rule.Rule{uffd.RecheckAfterEnqueue, uffd.DropMmapLockToSleep, uffd.PutAfterUnlink, uffd.ReleaseStrips} {
		setup, opts := explore.SetupFor(r), explore.Without(r)
		found, err := explore.Exhibit(r, opts)
		require.NoError(t, err)
		var rec trace.Recorder
		rec.Begin(explore.DefaultVersion, 0, "uffdsim explore "+setup.Name, "# "+setup.Doc)
		outcome, failure, err := explore.Replay(setup, opts, found.Failure.Schedule, func(e sim.Event) { rec.Event(e) })
		require.NoError(t, err)
		require.Error(t, failure)
		rec.Outcome(outcome, failure)
		streams[uffd.RuleInfo(r).Name] = rec.Stream
	}
	return streams
}

// Long returns a run of at least n events.
func Long(t testing.TB, n int) trace.Stream {
	t.Helper()
	var b strings.Builder
	b.WriteString(`fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
mmap(0x100000, 64p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=64p, mode=MISSING})
`)
	for i := range n/60 + 1 {
		at := 0x100000 + i%64*0x1000
		fmt.Fprintf(&b, "t1: load(%#x)\nread(fd, 32)\nioctl(fd, UFFDIO_COPY, {dst=%#x, len=1p, byte='%c'})\nt1\nmadvise(%#x, 1p, MADV_DONTNEED)\n",
			at, at, 'A'+i%26, at)
	}
	b.WriteString("close(fd)\n")
	s := Scenario(t, "long", b.String())
	require.GreaterOrEqual(t, len(s), n)
	return s
}
