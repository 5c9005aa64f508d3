package scenario_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// The differences between the versions. Each row has statements, and the answers of the
// last statement with the versions at which the answer changes. All other versions answer
// as the version before them.
func TestVersions(t *testing.T) {
	const (
		memory   = "mmap(0x10000000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)\n"
		api      = "fd = userfaultfd(O_NONBLOCK)\nioctl(fd, UFFDIO_API, {api=0xaa, features=0})\n"
		register = "ioctl(fd, UFFDIO_REGISTER, {start=0x10000000, len=4p, mode=MISSING})\n"
		locked   = "mmap(0x10000000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_LOCKED)\n"
		ready    = api + memory + register
		second   = "other = userfaultfd(O_NONBLOCK)\nioctl(other, UFFDIO_API, {api=0xaa, features=0})\n"
		einval   = "-1 EINVAL (Invalid argument)"
	)
	type from struct{ version, answer string }
	for _, tc := range []struct {
		name, script string
		answers      []from
	}{
		{"an ioctl before the handshake", "fd = userfaultfd(0)\nioctl(fd, UFFDIO_WAKE, {start=0x10000000, len=1p})",
			[]from{{"2015", "0"}, {"4.3", einval}}},
		{"a second handshake", api + "ioctl(fd, UFFDIO_API, {api=0xaa, features=0})",
			[]from{{"2015", einval}, {"5.15", einval + " {api=0, features=0, ioctls=0}"}}},
		{"a second handshake with a bad pointer", api + "ioctl(fd, UFFDIO_API, 0x20000000)",
			[]from{{"2015", einval}, {"5.15", "-1 EFAULT (Bad address)"}}},
		{"a fault of a context, and a foreign context that unregisters its range", ready + second + "t1: load(0x10001000) = blocked\nioctl(other, UFFDIO_UNREGISTER, {start=0x10000000, len=4p}) = ...\nt1",
			[]from{{"2015", "blocked"}, {"4.11", "loaded '\\0'"}, {"6.17", "blocked"}}},
		{"a copy when the memory is gone", ready + "child = fork()\nexit()\nchild: ioctl(fd, UFFDIO_COPY, {dst=0x10000000, len=1p, byte='A'})",
			[]from{{"2015", einval}, {"2015+copy", "0 {copy=4096}"}, {"4.7", einval + " {copy=-22}"}, {"4.11", "-1 ENOSPC (No space left on device)"}, {"4.13", "-1 ESRCH (No such process)"}}},
		{"a zero page when the memory is gone", ready + "child = fork()\nexit()\nchild: ioctl(fd, UFFDIO_ZEROPAGE, {start=0x10000000, len=1p})",
			[]from{{"2015", einval}, {"2015+copy", "0 {zeropage=4096}"}, {"4.7", einval + " {zeropage=-22}"}, {"4.13", "-1 ESRCH (No such process)"}}},
		{"a feature that came with 4.14", "fd = userfaultfd(0)\nioctl(fd, UFFDIO_API, {api=0xaa, features=SIGBUS})\npoll(fd)",
			[]from{{"2015", "POLLERR"}}},
		{"a feature, and then none", "fd = userfaultfd(0)\nioctl(fd, UFFDIO_API, {api=0xaa, features=THREAD_ID})\nioctl(fd, UFFDIO_API, {api=0xaa, features=0}) = ...\nfdinfo(fd)",
			[]from{
				{"2015", "pending: 0;total: 0;API: aa:0:8000000000000007"}, {"2015+copy", "pending: 0;total: 0;API: aa:0:800000000000001f"},
				{"4.14", "pending: 0;total: 0;API: aa:100:800000000000001f"}, {"5.7", "pending: 0;total: 0;API: aa:100:800000000000005f"},
				{"5.13", "pending: 0;total: 0;API: aa:100:80000000000000df"}, {"5.15", "pending: 0;total: 0;API: aa:80000100:80000000000000df"},
				{"6.6", "pending: 0;total: 0;API: aa:80000100:80000000000001df"}, {"6.8", "pending: 0;total: 0;API: aa:80000100:80000000000001ff"},
			}},
		{"a registration with nothing mapped above it", api + register, []from{{"2015", "-1 ENOMEM (Cannot allocate memory)"}, {"6.3", einval}}},
		{"a registration below mmap_min_addr", api + memory + "ioctl(fd, UFFDIO_REGISTER, {start=0x1000, len=0x10000000, mode=MISSING})",
			[]from{{"2015", einval}, {"6.18", "0 {ioctls=WAKE|COPY|ZEROPAGE|MOVE|POISON}"}}},
		{"a foreign context unregisters", ready + second + "ioctl(other, UFFDIO_UNREGISTER, {start=0x10000000, len=4p})",
			[]from{{"2015", "0"}, {"6.17", einval}}},
		{"a sleeper whose page is unregistered", ready + "t1: load(0x10001000)\nioctl(fd, UFFDIO_UNREGISTER, {start=0x10000000, len=4p})\nt1",
			[]from{{"2015", "blocked"}, {"4.11", `loaded '\0'`}}},
		{"a wake without a page", ready + "t1: load(0x10001000)\nioctl(fd, UFFDIO_WAKE, {start=0x10001000, len=1p})\nt1",
			[]from{{"2015", "SIGBUS 0x10001000"}, {"5.7", "blocked"}}},
		{"a signal for user mode's fault", ready + "t1: load(0x10001000)\nread(fd, 32)\nkill(t1, SIGUSR1)\nread(fd, 32)",
			[]from{{"2015", "-1 EAGAIN (Resource temporarily unavailable)"}, {"4.3", "32 {PAGEFAULT address=0x10001000 flags=0}"}}},
		{"the address of a fault", ready + "t1: load(0x10001abc)\nread(fd, 32)",
			[]from{{"2015", "32 {PAGEFAULT address=0x10001abc flags=0}"}, {"4.10", "32 {PAGEFAULT address=0x10001000 flags=0}"}}},
		{"a copy to unregistered memory", api + memory + "ioctl(fd, UFFDIO_COPY, {dst=0x10000000, len=1p, byte='A'})",
			[]from{{"2015", einval}, {"2015+copy", einval + " {copy=-22}"}, {"4.11", "-1 ENOENT (No such file or directory) {copy=-2}"}}},
		{"a copy from the kernel's half", ready + "ioctl(fd, UFFDIO_COPY, {dst=0x10000000, src=0xffffffff80000000, len=1p})",
			[]from{{"2015", einval}, {"2015+copy", "-1 EFAULT (Bad address) {copy=-14}"}, {"6.6", einval}}},
		{"write", api + "write(fd, 0x10000000, 8)", []from{{"2015", einval}, {"6.1", "-1 EBADF (Bad file descriptor)"}}},
		{"the tail beside a registered mapping", ready + "mmap(0x10004000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)\n" +
			"ioctl(fd, UFFDIO_UNREGISTER, {start=0x10000000, len=4p})\nioctl(fd, UFFDIO_REGISTER, {start=0x10006000, len=2p, mode=MISSING})\n" +
			"ioctl(fd, UFFDIO_REGISTER, {start=0x10002000, len=4p, mode=MISSING})\nmaps()",
			[]from{
				{"2015", "10000000-10002000 rw-p;10002000-10006000 rw-p uffd=fd:missing;10006000-10008000 rw-p uffd=fd:missing"},
				{"6.4", "10000000-10002000 rw-p;10002000-10008000 rw-p uffd=fd:missing"},
			}},
		{"a mapping that moves", ready + "mremap(0x10000000, 4p, 4p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x10010000)\nmaps()",
			[]from{{"2015", "10010000-10014000 rw-p uffd=fd:missing"}, {"5.0", "10010000-10014000 rw-p"}}},
		{"mremap of nothing to the same length", "mremap(0x10000000, 4p, 4p, 0)",
			[]from{{"2015", "0x10000000"}, {"5.16", "-1 EFAULT (Bad address)"}}},
		{"mremap of private memory to two places", memory + "mremap(0x10000000, 0, 1p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x10010000)",
			[]from{{"2015", "0x10010000"}, {"4.14", einval}}},
		{"a mapping that grows to the next one", memory + "munmap(0x10001000, 1p)\nmremap(0x10000000, 1p, 2p, 0)\nmaps()",
			[]from{{"2015", "10000000-10002000 rw-p;10002000-10004000 rw-p"}, {"6.1", "10000000-10004000 rw-p"}}},
		{"a refused fill, and then its neighbour", api + memory + "mprotect(0x10002000, 2p, PROT_READ)\nstore(0x10000000, 'a')\n" +
			"ioctl(fd, UFFDIO_COPY, {dst=0x10002000, len=1p, byte='A'})\nmprotect(0x10002000, 2p, PROT_READ|PROT_WRITE)\nmaps()",
			[]from{{"2015", "10000000-10004000 rw-p"}, {"6.9", "10000000-10002000 rw-p;10002000-10004000 rw-p"}}},
		{"huge-page advice given twice", memory + "madvise(0x10000000, 4p, MADV_HUGEPAGE)\nmadvise(0x10000000, 4p, MADV_HUGEPAGE)",
			[]from{{"2015", einval}, {"4.4", "0"}}},
		{"MAP_FIXED_NOREPLACE", memory + "mmap(0x10000000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE)",
			[]from{{"2015", "0x7ffff7ffb000"}, {"4.17", "-1 EEXIST (File exists)"}}},
		{"a copy that shall be write-protected", ready + "ioctl(fd, UFFDIO_COPY, {dst=0x10000000, len=1p, byte='A', mode=WP})",
			[]from{{"2015", einval}, {"5.7", einval + " {copy=-22}"}}},
		{"memory becomes read-only", memory + "mprotect(0x10000000, 2p, PROT_READ)\nmmap(0x0fffe000, 2p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)\nmaps()",
			[]from{
				{"2015", "fffe000-10000000 r--p;10000000-10002000 r--p;10002000-10004000 rw-p"},
				{"6.7", "fffe000-10002000 r--p;10002000-10004000 rw-p"},
			}},
		{"memory is populated", memory + "madvise(0x10000000, 1p, MADV_POPULATE_WRITE)\npresent(0x10000000, 4)",
			[]from{{"2015", "----"}, {"5.14", "+---"}}},
		{"memory is populated, with a hole", memory + "munmap(0x10001000, 1p)\nmadvise(0x10000000, 4p, MADV_POPULATE_READ)\npresent(0x10000000, 4)",
			[]from{{"2015", "----"}, {"5.14", "+-++"}, {"6.10", "+---"}}},
		{"registered memory is populated", ready + "t1: madvise(0x10000000, 1p, MADV_POPULATE_READ)", []from{{"2015", einval}, {"5.14", "blocked"}}},
		{"locked memory becomes writable", "mmap(0x10000000, 4p, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_LOCKED)\n" +
			"mprotect(0x10000000, 2p, PROT_READ|PROT_WRITE)\npresent(0x10000000, 4)", []from{{"2015", "++--"}}},
		{"registered locked memory becomes writable", api + "mmap(0x10000000, 4p, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_LOCKED)\n" +
			register + "mprotect(0x10000000, 4p, PROT_READ|PROT_WRITE)\npresent(0x10000000, 4)", []from{{"2015", "----"}}},
		{"registered locked memory grows", api + locked + register + "t1: mremap(0x10000000, 4p, 5p, 0)", []from{{"2015", "blocked"}}},
		{"registered locked memory moves and grows", api + locked + register + "t1: mremap(0x10000000, 4p, 5p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x10010000)",
			[]from{{"2015", "blocked"}, {"5.0", "0x10010000"}}},
		{"UFFD_USER_MODE_ONLY", "fd = userfaultfd(UFFD_USER_MODE_ONLY)", []from{{"2015", einval}, {"5.11", "3"}}},
		{"a child of a fork", ready + "child = fork()\nchild: load(0x10001000)", []from{{"2015", `loaded '\0'`}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file, err := syntax.Parse("test.uffd", []byte(tc.script+"\n"))
			require.NoError(t, err)
			want := ""
			for _, kernel := range scenario.Kernels() {
				for _, f := range tc.answers {
					if f.version == kernel {
						want = f.answer
					}
				}
				report, err := scenario.Run(file, scenario.Options{Kernel: kernel, Check: true})
				require.NoError(t, err, kernel)
				require.Nil(t, report.Finding(), kernel)
				last := report.Results[len(report.Results)-1]
				require.Equal(t, want, strings.TrimSpace(last.Answer+strings.Join(last.Block, ";")), kernel)
			}
		})
	}
}

// The kernel directive of a file accepts every name that kernel.Resolve accepts, and its
// error lists them.
func TestVersionDirective(t *testing.T) {
	const second = "\nfd = userfaultfd(O_NONBLOCK)\nioctl(fd, UFFDIO_API, {api=0xaa, features=0})\nioctl(fd, UFFDIO_API, {api=0xaa, features=0})\n"
	for name, want := range map[string]struct{ kernel, answer string }{
		"5.10":      {"5.10", "-1 EINVAL (Invalid argument)"},
		"v5.10.66":  {"5.10.66", "-1 EINVAL (Invalid argument)"},
		"v5.10.67":  {"5.10.67", "-1 EINVAL (Invalid argument) {api=0, features=0, ioctls=0}"},
		"6.12":      {"6.12", "-1 EINVAL (Invalid argument) {api=0, features=0, ioctls=0}"},
		"2015+copy": {"2015+copy", "-1 EINVAL (Invalid argument)"},
	} {
		for _, opts := range []scenario.Options{{}, {Kernel: name}} {
			src := "#! kernel: 4.3" + second
			if opts.Kernel == "" {
				src = "#! kernel: " + name + second
			}
			file, err := syntax.Parse("test.uffd", []byte(src))
			require.NoError(t, err)
			report, err := scenario.Run(file, opts)
			require.NoError(t, err)
			require.Equal(t, want.kernel, report.Kernel)
			require.Equal(t, want.answer, strings.TrimSpace(report.Results[2].Answer), name)
		}
	}
	for name, want := range map[string]string{
		"2015+cpy": `test.uffd:1:1: no kernel "2015+cpy": accepted are ` + kernel.Accepted + ` (did you mean "2015+copy"?)`,
		"4.2":      `test.uffd:1:1: no kernel "4.2": userfaultfd came with Linux 4.3`,
		"all":      `test.uffd:1:1: no kernel "all": accepted are ` + kernel.Accepted,
	} {
		file, err := syntax.Parse("test.uffd", []byte("#! kernel: "+name+"\nmaps()\n"))
		require.NoError(t, err)
		_, err = scenario.Run(file, scenario.Options{})
		require.EqualError(t, err, want)
	}
}
