package scenario

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/uffd"
)

const wide = `fd = userfaultfd(0)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
mmap(0x10000000000, 0x10000000000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)
ioctl(fd, UFFDIO_REGISTER, {start=0x10000000000, len=0x10000000000, mode=MISSING})
ioctl(fd, UFFDIO_ZEROPAGE, {start=0x10000000000, len=0x10000000000})
maps()
`

func TestLimits(t *testing.T) {
	dense := "mmap(0x10000, 100p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n"
	for _, c := range []struct {
		name, text string
		limits     Limits
		want       string // the finding
		line       int
	}{
		{"a range too wide to be filled", wide, Limits{Steps: 5000}, "the run ends here: it takes more than 5000 steps (last seen running: task main)", 5},
		{"events of one statement", wide, Limits{Steps: 1000, Events: 500}, "the run ends here: it takes more than 1000 steps (last seen running: task main)", 5},
		{"pages", wide, Limits{Pages: 20}, "out of memory in alloc_pages: more than 20 pages", 5},
		{"steps of all statements together", dense + strings.Repeat("mprotect(0x10000, 50p, PROT_READ)\nmprotect(0x10000, 50p, PROT_READ|PROT_WRITE)\n", 50), Limits{Steps: 60},
			"the run ends here: it takes more than 60 steps (last seen running: task main)", 0},
		{"more events", dense + "store(0x10000, 'x')\nstore(0x11000, 'x')\nstore(0x12000, 'x')", Limits{Events: 40}, "the run ends here: it takes more than 40 events", 4},
		{"bytes of events", dense + "store(0x10000, 'x')\nstore(0x11000, 'x')\nstore(0x12000, 'x')", Limits{EventBytes: 1200}, "the run ends here: it takes more than 1200 bytes of events", 3},
		{"text", dense + strings.Repeat("present(0x10000, 1000)\n", 5), Limits{Text: 3500}, "the run ends here: it takes more than 3500 bytes of answers", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := syntax.Parse("s.uffd", []byte(c.text))
			require.NoError(t, err)
			s, err := NewSession(file, Options{Trace: true, Limits: c.limits})
			require.NoError(t, err)
			defer s.Close()
			report, err := s.Run(nil)
			require.NoError(t, err)
			require.NotNil(t, report.Finding())
			require.Equal(t, c.want, report.Finding().What)
			if c.line > 0 {
				require.Equal(t, c.line, report.Finding().Line)
			}
			events := 0
			for _, r := range report.Results {
				events += len(r.Events)
			}
			require.NotZero(t, events, "the events up to there are kept")
			if c.limits.Events > 0 {
				require.LessOrEqual(t, events, c.limits.Events)
			}
			if c.limits.EventBytes > 0 {
				size := 0
				for i := range report.Results {
					for j := range report.Results[i].Events {
						size += eventSize(&report.Results[i].Events[j])
					}
				}
				require.LessOrEqual(t, size, c.limits.EventBytes)
				require.Greater(t, size, c.limits.EventBytes/2)
			}
			_, err = s.Next()
			require.ErrorIs(t, err, io.EOF)
		})
	}
}

func TestRefusedByLimits(t *testing.T) {
	for text, want := range map[string]string{
		"close(1)\nclose(2)\nclose(3)":            "s.uffd:3:1: more than 2 statements",
		"t1: close(1)\nt2: close(2)":              "s.uffd:2:1: more than 2 tasks",
		"child = fork()\nchild.t2: close(1)":      "s.uffd:2:1: more than 2 tasks",
		"t1: close(1)\nt1: close(2)":              "",
		"q()\nq()\nq()":                           "s.uffd:3:1: more than 2 statements",
		"t1: maps()\nt2: q()":                     "s.uffd:2:5: unknown operation \"q\"\ns.uffd:2:1: more than 2 tasks",
		"# nothing\n\n# but comments\n\nclose(1)": "",
	} {
		file, err := syntax.Parse("s.uffd", []byte(text))
		require.NoError(t, err)
		s, err := NewSession(file, Options{Limits: Limits{Statements: 2, Tasks: 2}})
		if want != "" {
			require.EqualError(t, err, want)
			continue
		}
		require.NoError(t, err)
		s.Close()
	}
}

// A scenario shows the effect of a dropped rule: here a fault whose message was read is
// not moved to the queue in which a wake-up finds it.
func TestDroppedRules(t *testing.T) {
	const text = `fd = userfaultfd(0)
ioctl(fd, UFFDIO_API, {api=0xaa, features=0})
mmap(0x10000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)
ioctl(fd, UFFDIO_REGISTER, {start=0x10000, len=1p, mode=MISSING})
t1: load(0x10000) = blocked
read(fd, 32)
queues(fd)
`
	file, err := syntax.Parse("s.uffd", []byte(text))
	require.NoError(t, err)
	for _, c := range []struct {
		dropped rule.Set
		read    string
	}{{rule.Set{}, "read: t1@0x10000"}, {rule.Of(uffd.ReadRefiles), "read: none"}} {
		report, err := Run(file, Options{Dropped: c.dropped})
		require.NoError(t, err)
		require.Equal(t, c.read, report.Results[6].Block[1])
	}
}
