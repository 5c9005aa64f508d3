package live

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/scenario"
	"golang.org/x/sys/unix"
)

// Memory of the harness is not the scenario's: an operation on it has no answer.
func TestOwnMemory(t *testing.T) {
	for _, tc := range []string{
		"mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)",
		"mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE)",
		"mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)",
		"munmap(%#x, 1p)",
		"mprotect(%#x, 1p, PROT_NONE)",
		"madvise(%#x, 1p, MADV_DONTNEED)",
		"mremap(%#x, 1p, 1p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x20000000)",
		"mremap(0x10000000, 1p, 1p, MREMAP_MAYMOVE|MREMAP_FIXED, %#x)",
		"load(%#x)",
		"store(%#x, 'x')",
		"copy_from_user(%#x, 1)",
		"copy_to_user(%#x, \"x\")",
		"present(%#x, 1)",
		"read(fd, 32, buf=%#x)",
		"ioctl(fd, UFFDIO_REGISTER, {start=%#x, len=1p, mode=MISSING})",
		"ioctl(fd, UFFDIO_REGISTER, %#x)",
		"ioctl(fd, UFFDIO_COPY, {dst=0x10000000, len=1p, src=%#x, mode=0})",
	} {
		t.Run(tc, func(t *testing.T) {
			for part := range 3 {
				s, h := opened(t)
				answers(t, s, sleeper[:4]...)
				_, err := s.Do(fmt.Sprintf(tc, address(h.kernel.arena.parts()[part])))
				require.ErrorIs(t, err, scenario.ErrNoRoom)
			}
		})
	}
	for _, line := range []string{ // which need registered memory, or none
		"ioctl(fd, UFFDIO_COPY, {dst=0, len=0x7fffffff0000, src=0x8000, mode=DONTWAKE}) = -1 ENOENT (No such file or directory) {copy=-2}",
		"ioctl(fd, UFFDIO_ZEROPAGE, {start=0, len=0x7ffffffff000}) = -1 ENOENT (No such file or directory) {zeropage=-2}",
		"ioctl(fd, UFFDIO_WAKE, {start=0, len=0x7ffffffff000}) = 0",
	} {
		s, _ := opened(t)
		answers(t, s, sleeper[:4]...)
		r, err := s.Do(line)
		require.NoError(t, err, line)
		require.True(t, r.OK, r.Diff())
	}
	for _, line := range []string{
		"munmap(0, 0x7ffffffff000)", "madvise(0, 0x7ffffffff000, MADV_DONTFORK)", "madvise(0x10000000, 0x800000000000, MADV_DONTFORK)",
	} {
		s, _ := opened(t)
		_, err := s.Do(line)
		require.ErrorIs(t, err, scenario.ErrNoRoom, line)
	}
}

// Where the Go program has its text, its heap and its stack, and the vdso, the scenario's
// memory is empty, and what it maps there looks like any other memory.
func TestPlacesOfTheGoProgram(t *testing.T) {
	maps, err := readMaps(unix.Getpid())
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, m := range maps {
		if m.start >= taskSize || m.end-m.start > 1<<30 || m.start < 0x10000 {
			continue
		}
		seen[m.name] = true
		t.Run(fmt.Sprintf("%s@%x", m.name, m.start), func(t *testing.T) {
			s, h := opened(t)
			if h.kernel.arena.overlaps(m.start, m.end) {
				t.Skip("the arena has been mapped there since")
			}
			require.Contains(t, answers(t, s, "maps()"), "nothing is mapped")
			line := fmt.Sprintf("mmap(%#x, %#x, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE)", m.start, m.end-m.start)
			require.Equal(t, fmt.Sprintf("%#x", m.start), answers(t, s, line))
			require.Contains(t, answers(t, s, "maps()"), fmt.Sprintf("%x-%x ---p", m.start, m.end))
			require.NotContains(t, answers(t, s, "maps()"), "[")
			line = fmt.Sprintf("mprotect(%#x, 1p, PROT_READ)", m.start)
			require.Equal(t, "0", answers(t, s, line))
			require.Equal(t, "0", answers(t, s, fmt.Sprintf("munmap(%#x, %#x)", m.start, m.end-m.start)))
		})
	}
	require.Subset(t, seen, map[string]bool{"[stack]": true, "[vdso]": true, "[vvar]": true})
}

// A call that the accounting or a resource limit of this machine refuses has no answer of
// the kernel's own.
func TestRefusedByHost(t *testing.T) {
	const rw = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED"
	const tib = "0x200000000000" // 32 TiB
	for _, tc := range []struct {
		name     string
		resource int // limit of main, 0 for none
		limit    uint64
		lines    []string
		want     string
	}{
		{"overcommit", 0, 0, []string{"mmap(0x10000000, " + tib + ", " + rw + ")"}, "vm.overcommit_memory"},
		{"overcommit, mprotect", 0, 0, []string{
			"mmap(0x10000000, " + tib + ", PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)",
			"mprotect(0x10000000, " + tib + ", PROT_READ|PROT_WRITE)"}, "vm.overcommit_memory"},
		{"overcommit, mremap", 0, 0, []string{
			"mmap(0x10000000, 1p, " + rw + ")", "mremap(0x10000000, 1p, " + tib + ", 0)"}, "vm.overcommit_memory"},
		{"address space", unix.RLIMIT_AS, 1 << 30, []string{"mmap(0x10000000, 0x40000000, " + rw + ")"}, "RLIMIT_AS"},
		{"data", unix.RLIMIT_DATA, 1 << 20, []string{"mmap(0x10000000, 0x200000, " + rw + ")"}, "RLIMIT_DATA"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if mode := readFile("/proc/sys/vm/overcommit_memory"); tc.resource == 0 && mode != "0\n" {
				t.Skipf("SKIPPED: vm.overcommit_memory is %s", mode)
			}
			s, h := opened(t)
			answers(t, s, "main: lseek(0, 0, SEEK_CUR)")
			if tc.resource != 0 {
				limit := &unix.Rlimit{Cur: tc.limit, Max: tc.limit}
				require.NoError(t, unix.Prlimit(h.processes[0].tasks["main"].pid, tc.resource, limit, nil))
			}
			answers(t, s, tc.lines[:len(tc.lines)-1]...)
			_, err := s.Do(tc.lines[len(tc.lines)-1])
			require.ErrorIs(t, err, scenario.ErrNoRoom)
			require.ErrorContains(t, err, tc.want)
		})
	}
	s, _ := opened(t) // refused by any kernel
	require.Contains(t, answers(t, s, "mmap(0x10000000, 0x7ffffffff000, "+rw+")"), "ENOMEM")
	require.Equal(t, "0x10000000", answers(t, s, "mmap(0x10000000, "+tib+", PROT_READ|PROT_WRITE, "+
		"MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE)"))
}

// Memory above the harness's is shown, too.
func TestMapsAboveTheArena(t *testing.T) {
	s, h := opened(t)
	at := uint64(mm.TaskSize - 16*pageSize)
	require.False(t, h.kernel.arena.overlaps(at, at+pageSize))
	require.Equal(t, fmt.Sprintf("%#x", at), answers(t, s, fmt.Sprintf("mmap(%#x, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", at)))
	require.Contains(t, answers(t, s, "maps()"), fmt.Sprintf("%x-%x r--p", at, at+pageSize))
}

// An address that the kernel chooses is another one in each process.
func TestChosenAddress(t *testing.T) {
	for _, lines := range [][]string{
		{"mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)"},
		{"mmap(0x10000000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)", "mmap(0x10000000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)"},
		{"mmap(0x10000000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)", "mmap(0x10001000, 1p, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS)",
			"mremap(0x10000000, 1p, 2p, MREMAP_MAYMOVE)"},
	} {
		s, _ := opened(t)
		answers(t, s, lines[:len(lines)-1]...)
		_, err := s.Do(lines[len(lines)-1])
		require.ErrorIs(t, err, scenario.ErrNoRoom)
		require.ErrorContains(t, err, "the kernel chose the address")
	}
}

// Descriptors of the harness are not the scenario's.
func TestOwnDescriptors(t *testing.T) {
	for _, line := range []string{"close(%d)", "dup(%d)", "poll(%d)", "fcntl(%d, F_GETFL)"} {
		for _, fd := range []int{deviceFD, firstPipe, 255} {
			s, _ := opened(t)
			_, err := s.Do(fmt.Sprintf(line, fd))
			require.ErrorIs(t, err, scenario.ErrNoRoom, line)
		}
	}
	s, _ := opened(t)
	answers(t, s, sleeper[0])
	for range deviceFD - 4 {
		answers(t, s, "dup(fd)")
	}
	_, err := s.Do("dup(fd)")
	require.ErrorIs(t, err, scenario.ErrNoRoom)
}
