package scenario

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// everyDay has operations that can be repeated, with the same names every time.
var everyDay = strings.Split(`fd = userfaultfd(O_NONBLOCK|UFFD_USER_MODE_ONLY) = 3
ioctl(fd, UFFDIO_API, {api=0xaa}) = 0 {features=..., ioctls=...}
mmap(0x10000000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED) = 0x10000000
ioctl(fd, UFFDIO_REGISTER, {start=0x10000000, len=4p, mode=MISSING}) = 0 {ioctls=...}
t1: load(0x10000000) = blocked
t2: store(0x10001000, 'b') = blocked
read(fd, 64) = 64 ...
ioctl(fd, UFFDIO_COPY, {dst=0x10000000, byte='x', len=1p}) = 0 {copy=4096}
ioctl(fd, UFFDIO_ZEROPAGE, {start=0x10001000, len=1p}) = 0 {zeropage=4096}
t1 = loaded 'x'
t2 = stored
t1: poll(fd) = 0
t1: load(0x10002000) = blocked
kill(t1, SIGUSR1) = 0
mprotect(0x10001000, 1p, PROT_READ) = 0
maps()
close(fd) = 0
t1 = loaded '\0'
munmap(0x10000000, 4p) = 0`, "\n")

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// A session keeps nothing of the statements that Do has run.
func TestDoKeepsNothing(t *testing.T) {
	for name, opts := range map[string]Options{"controlled": {}, "free": {Free: true}, "checked": {Check: true}} {
		t.Run(name, func(t *testing.T) {
			file, err := syntax.Parse("s", nil)
			require.NoError(t, err)
			opts.Kernel = "6.18"
			s, err := NewSession(file, opts)
			require.NoError(t, err)
			defer s.Close()
			rounds := func(n int) {
				for range n {
					for _, line := range everyDay {
						r, err := s.Do(line)
						require.NoError(t, err)
						if !r.OK {
							t.Fatal(r.Diff())
						}
					}
				}
			}
			rounds(200)
			before := heap()
			const n = 800
			rounds(n)
			kept := (heap() - before) / float64(n*len(everyDay))
			require.Less(t, kept, 100.0, "bytes kept of an operation")
		})
	}
}

// The memory that a statement allocates does not depend on the number of statements,
// tasks, processes and contexts.
func TestAllocationsOfManyStatements(t *testing.T) {
	for _, g := range growing {
		for _, free := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/free=%v", g.name, free), func(t *testing.T) {
				per := func(n int) float64 {
					text := g.text(n)
					var before, after runtime.MemStats
					runtime.ReadMemStats(&before)
					runText(t, text, Options{Free: free})
					runtime.ReadMemStats(&after)
					return float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
				}
				per(10) // allocates everything that is allocated once
				few, many := per(500), per(2000)
				require.Less(t, many, 1.25*few, "bytes allocated by statement")
			})
		}
	}
}

// The memory of a diff is linear in the lines of the blocks.
func TestDiffOfLongBlocks(t *testing.T) {
	per := func(n int) float64 {
		r := &Result{BlockWanted: true, WantBlock: slices.Repeat([]string{"line"}, n), Block: slices.Repeat([]string{"other"}, n)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		require.Contains(t, r.Diff(), "    line\n    line\n")
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
	}
	require.Less(t, per(8000), 2*per(1000), "bytes allocated by line")
}
