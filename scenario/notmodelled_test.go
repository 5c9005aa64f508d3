package scenario_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// An operation that Linux supports and the model does not never returns an error number,
// and nothing runs after it. The release before since returns its own error.
func TestNotModelled(t *testing.T) {
	const begin = "fd = userfaultfd(O_NONBLOCK)\nioctl(fd, UFFDIO_API, {api=0xaa, features=%s})\n" +
		"mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)\n"
	const register = "ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING})\n"
	for _, tc := range []struct {
		features, before, op string
		what, since          string
		last                 string // the last release without it, "" if the model does not know it
		answer               string // of that release
	}{
		{op: "ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=WP})", what: "UFFDIO_REGISTER_MODE_WP", since: "5.7", last: "5.6", answer: "-1 EINVAL (Invalid argument)"},
		{op: "ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING|WP})", what: "UFFDIO_REGISTER_MODE_WP", since: "5.7", last: "5.6", answer: "-1 EINVAL (Invalid argument)"},
		{op: "ioctl(fd, UFFDIO_WRITEPROTECT, {start=0x100000, len=4p, mode=WP})", what: "UFFDIO_WRITEPROTECT", since: "5.7", last: "5.6", answer: "-1 EINVAL (Invalid argument)"},
		{op: "ioctl(fd, UFFDIO_CONTINUE, {start=0x100000, len=4p, mode=0})", what: "UFFDIO_CONTINUE", since: "5.13", last: "5.12", answer: "-1 EINVAL (Invalid argument)"},
		{op: "ioctl(fd, UFFDIO_POISON, {start=0x100000, len=4p})", what: "UFFDIO_POISON", since: "6.6", last: "6.5", answer: "-1 EINVAL (Invalid argument)"},
		{op: "ioctl(fd, UFFDIO_MOVE, {dst=0x100000, src=0x102000, len=1p})", what: "UFFDIO_MOVE", since: "6.8", last: "6.7", answer: "-1 EINVAL (Invalid argument)"},
		{features: "EVENT_FORK", before: register, op: "child = fork()", what: "UFFD_EVENT_FORK", since: "4.11"},
		{features: "EVENT_REMAP", before: register, op: "mremap(0x100000, 4p, 4p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x200000)", what: "UFFD_EVENT_REMAP", since: "4.11"},
		{features: "EVENT_REMOVE", before: register, op: "madvise(0x100000, 1p, MADV_DONTNEED)", what: "UFFD_EVENT_REMOVE", since: "4.11"},
		{features: "EVENT_UNMAP", before: register, op: "munmap(0x100000, 1p)", what: "UFFD_EVENT_UNMAP", since: "4.11"},
		{features: "EVENT_UNMAP", before: register, op: "mmap(0x100000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)", what: "UFFD_EVENT_UNMAP", since: "4.11"},
		{before: "mmap(0x200000, 1p, PROT_READ, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED)\n", op: "ioctl(fd, UFFDIO_REGISTER, {start=0x200000, len=1p, mode=MISSING})", what: "registering shared memory", since: "4.11", last: "4.10", answer: "-1 EINVAL (Invalid argument)"},
		{before: "mmap(0x200000, 1p, PROT_READ, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED)\n", op: "ioctl(fd, UFFDIO_UNREGISTER, {start=0x200000, len=1p})", what: "registering shared memory", since: "4.11", last: "4.10", answer: "-1 EINVAL (Invalid argument)"},
		{op: "mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE)", what: "MAP_POPULATE", since: "2.5.46"},
		{op: "mmap(0, 512p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB)", what: "MAP_HUGETLB", since: "2.6.32"},
		{op: "mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_32BIT)", what: "MAP_32BIT", since: "2.4.20"},
		{op: "mmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_ABOVE4G)", what: "MAP_ABOVE4G", since: "6.6"},
		{op: "mmap(0, 1p, PROT_READ, MAP_DROPPABLE|MAP_ANONYMOUS)", what: "MAP_DROPPABLE", since: "6.11"},
		{op: "mremap(0x100000, 1p, 1p, MREMAP_MAYMOVE|MREMAP_DONTUNMAP)", what: "MREMAP_DONTUNMAP", since: "5.7"},
		{op: "madvise(0x100000, 1p, MADV_FREE)", what: "MADV_FREE", since: "4.5"},
		{op: "ioctl(fd, 0x5421, 0x100000)", what: "FIONBIO", since: "1.0"},
		{op: "madvise(0x100000, 1p, 102)", what: "MADV_GUARD_INSTALL", since: "6.13"},
	} {
		t.Run(tc.op, func(t *testing.T) {
			features := tc.features
			if features == "" {
				features = "0"
			}
			text := fmt.Sprintf(begin, features) + tc.before + tc.op + "\nload(0x100000)\n"
			file, err := syntax.Parse("s", []byte(text))
			require.NoError(t, err)
			want := fmt.Sprintf("not modelled: %s (in Linux since %s)", tc.what, tc.since)
			kernels := []string{"6.18"}
			if tc.features != "" || tc.last != "" {
				kernels = append(kernels, tc.since)
			}
			for _, k := range kernels {
				for _, free := range []bool{false, true} {
					report, err := scenario.Run(file, scenario.Options{Kernel: k, Free: free})
					require.NoError(t, err)
					require.Len(t, report.Results, strings.Count(text, "\n")-1, "nothing runs after it")
					last := report.Results[len(report.Results)-1]
					require.Equal(t, want, last.Answer)
					require.False(t, last.OK)
					require.True(t, report.Finding().NotModelled())
					require.True(t, scenario.IsNotModelled(report.Finding()))
					require.Contains(t, report.Finding().Error(), want)
					require.NotContains(t, report.Finding().Error(), "finding")
				}
			}
			if tc.last == "" {
				return
			}
			_, err = kernel.Resolve(tc.last)
			require.NoError(t, err)
			report, err := scenario.Run(file, scenario.Options{Kernel: tc.last})
			require.NoError(t, err)
			require.Equal(t, tc.answer, report.Results[len(report.Results)-2].Answer)
		})
	}
}

// Features that are not modelled can be requested as long as they have no effect.
func TestFeaturesAloneAreModelled(t *testing.T) {
	file, err := syntax.Parse("s", []byte(`fd = userfaultfd(O_NONBLOCK)
ioctl(fd, UFFDIO_API, {api=0xaa, features=EVENT_FORK|EVENT_REMAP|EVENT_REMOVE|EVENT_UNMAP|WP_ASYNC}) = 0 {...}
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = 0x100000
mmap(0x200000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = 0x200000
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING}) = 0 {...}
munmap(0x200000, 1p) = 0
madvise(0x201000, 1p, MADV_DONTNEED) = 0
mremap(0x201000, 1p, 1p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x300000) = 0x300000
t1: load(0x100000) = blocked
close(fd) = 0
child = fork() = 2
munmap(0x100000, 4p) = 0
`))
	require.NoError(t, err)
	report, err := scenario.Run(file, scenario.Options{Kernel: "6.18"})
	require.NoError(t, err)
	require.Empty(t, report.Failures())
	require.Len(t, report.Results, 12)
}

// The message for a system call that the language does not have differs from that for a
// misspelt one.
func TestNotModelledSystemCalls(t *testing.T) {
	for _, tc := range []struct {
		text, want string
		only       bool // nothing else is wrong
	}{
		{"mlock(0x1000, 1p)\n", "s:1:1: not modelled: mlock (in Linux since 1.3.57)", true},
		{"fd = memfd_create(\"x\", 0)\nftruncate(fd, 1p)\n", "s:2:1: not modelled: ftruncate (in Linux since 1.0)", true},
		{"mlock(0x1000, 1p)\nmunmapp(0, 1p)\n", `did you mean "munmap"?`, false},
	} {
		file, err := syntax.Parse("s", []byte(tc.text))
		require.NoError(t, err)
		_, err = scenario.Run(file, scenario.Options{})
		require.ErrorContains(t, err, tc.want)
		require.Equal(t, tc.only, scenario.IsNotModelled(err))
	}
}

// Expectations before the first statement that is not modelled still count.
func TestNotModelledAndFailed(t *testing.T) {
	file, err := syntax.Parse("s", []byte("fd = userfaultfd(O_NONBLOCK) = 4\nmmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE) = 0x1000\n"))
	require.NoError(t, err)
	report, err := scenario.Run(file, scenario.Options{})
	require.NoError(t, err)
	require.Len(t, report.Failures(), 2)
}
