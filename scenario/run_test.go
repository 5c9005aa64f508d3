package scenario_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// run runs a scenario without mistakes.
func run(t testing.TB, src string, opts scenario.Options) *scenario.Report {
	t.Helper()
	file, err := syntax.Parse("test.uffd", []byte(src))
	require.NoError(t, err)
	report, err := scenario.Run(file, opts)
	require.NoError(t, err)
	return report
}

// passes runs a scenario on the 2015 code with UFFDIO_COPY, on both executors. It
// requires that no expectation fails.
func passes(t *testing.T, src string) {
	t.Helper()
	for _, opts := range []scenario.Options{{Check: true}, {Check: true, Seed: 7}, {Check: true, Free: true}} {
		opts.Kernel = "2015+copy"
		for _, f := range run(t, src, opts).Failures() {
			t.Errorf("%+v: %s", opts, f.Diff())
		}
	}
}

const setUp = `
fd = userfaultfd(O_NONBLOCK) = 3
ioctl(fd, UFFDIO_API, {api=0xaa, features=0}) = 0 {features=0, ioctls=API|REGISTER|UNREGISTER}
mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS) = 0x100000
ioctl(fd, UFFDIO_REGISTER, {start=0x100000, len=4p, mode=MISSING}) = 0 {ioctls=WAKE|COPY|ZEROPAGE}
`

func TestAnswers(t *testing.T) {
	tests := map[string]string{
		"read and copy": setUp + `
			t1: load(0x101234, 3)   = blocked
			t2: store(0x101000, "hi") = blocked
			t1                      = blocked
			poll(fd)                = POLLIN
			read(fd, 100)           = 64 {PAGEFAULT address=0x101234 flags=0} {PAGEFAULT address=0x101000 flags=WRITE}
			read(fd, 32)            = -1 EAGAIN (Resource temporarily unavailable)
			poll(fd)                = 0
			ioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='A', mode=DONTWAKE}) = 0 {copy=4096}
			t1                      = blocked
			ioctl(fd, UFFDIO_WAKE, {start=0x101000, len=1p}) = 0
			t1                      = loaded "AAA"
			t1                      = idle
			t3: close(99)           = -1 EBADF
			t3                      = idle
			t2                      = stored
			load(0x101000, 4)       = loaded "hiAA"`,
		"errors of copy": setUp + `
			ioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='A'}) = 0 {copy=4096}
			ioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='B'}) = -1 EEXIST (File exists) {copy=-17}
			ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=2p, byte='C'}) = -1 EAGAIN (Resource temporarily unavailable) {copy=4096}
			ioctl(fd, UFFDIO_COPY, {dst=0x100001, len=1p, byte='D'}) = -1 EINVAL (Invalid argument)
			ioctl(fd, UFFDIO_COPY, {dst=0x102000, src=0x100000, len=1p}) = 0 {copy=4096}
			ioctl(fd, UFFDIO_ZEROPAGE, {start=0x103000, len=1p}) = 0 {zeropage=4096}
			load(0x102000) = loaded 'C'
			load(0x103000) = loaded '\0'`,
		"a failed handshake overwrites the struct": `
			fd = userfaultfd(0)
			poll(fd)     = POLLERR
			read(fd, 32) = -1 EINVAL (Invalid argument)
			ioctl(fd, UFFDIO_API, {api=0xab})          = -1 EINVAL (Invalid argument) {api=0, features=0, ioctls=0}
			ioctl(fd, UFFDIO_API, "short")             = -1 EFAULT (Bad address)
			ioctl(fd, UFFDIO_API, 0x5000)              = -1 EFAULT (Bad address)
			ioctl(fd, 0xc018aa3f, {api=UFFD_API})      = 0 {features=0, ioctls=...}
			ioctl(fd, UFFDIO_API, {api=0xab})          = -1 EINVAL (Invalid argument)
			ioctl(1, UFFDIO_API, {api=0xaa})           = -1 ENOTTY (Inappropriate ioctl for device)
			ioctl(77, UFFDIO_API, {api=0xaa})          = -1 EBADF (Bad file descriptor)
			userfaultfd(0x1)                           = -1 EINVAL (Invalid argument)`,
		"descriptors": `
			fd = userfaultfd(O_CLOEXEC)
			fcntl(fd, F_GETFL)             = 0x2 (flags O_RDWR)
			fcntl(fd, F_SETFL, O_NONBLOCK) = 0
			fd2 = dup(fd)                  = 4
			fcntl(fd2, F_GETFL)            = 0x802 (flags O_RDWR|O_NONBLOCK)
			lseek(fd, 3, SEEK_END)         = -1 ESPIPE (Illegal seek)
			lseek(0, 3, SEEK_SET)          = -1 ESPIPE (Illegal seek)
			write(fd, 0, 1)                = -1 EINVAL (Invalid argument)
			close(fd)                      = 0
			close(fd)                      = -1 EBADF (Bad file descriptor)
			poll(fd)                       = POLLNVAL
			ioctl(fd2, UFFDIO_API, {api=0xaa}) = 0 {features=0, ioctls=...}
			fdinfo(fd2)
			    pending: 0
			    total: 0
			    API: aa:0:800000000000001f
			fdinfo(fd) = -1 ENOENT (No such file or directory)`,
		"signals": setUp + `
			t1: load(0x101000)    = blocked
			kill(t1, SIGUSR1)     = 0
			t1                    = blocked
			kill(t1, SIGKILL)     = 0
			t1                    = killed
			queues(fd)
			    pending: none
			    read: none
			fcntl(fd, F_SETFL, 0) = 0
			r: read(fd, 32)       = blocked
			kill(r, SIGUSR1)
			r                     = -1 EINTR (Interrupted system call)
			r: kill(r, SIGKILL)   = killed
			t2: copy_from_user(0x101000, 4) = blocked
			ioctl(fd, UFFDIO_WAKE, {start=0x101000, len=1p})
			t2                    = -1 EFAULT (Bad address)
			t3: load(0x101000)    = blocked
			ioctl(fd, UFFDIO_WAKE, {start=0x101000, len=1p})
			t3                    = SIGBUS 0x101000
			load(0x10)            = SIGSEGV 0x10`,
		"processes": setUp + `
			child = fork() = 2
			child: maps()
			    100000-104000 rw-p
			child.t1: store(0x100000, 'c') = stored
			child: ioctl(fd, UFFDIO_UNREGISTER, {start=0x100000, len=4p}) = 0
			maps()
			    100000-104000 rw-p
			load(0x100000) = loaded '\0'
			users() = 2
			child: exit() = exited
			exit() = exited
			users() = 0`,
		"memory": `
			p = mmap(NULL, 4p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS) = 0x7ffff7ffb000
			mprotect(p, 1p, PROT_NONE) = 0
			maps()
			    7ffff7ffb000-7ffff7ffc000 ---p
			    7ffff7ffc000-7ffff7fff000 r--p
			maps(0x7ffff7ffc000)
			    7ffff7ffc000-7ffff7fff000 r--p
			madvise(p, 4p, MADV_DONTNEED) = 0
			munmap(p, 4p) = 0
			maps()
			    nothing is mapped
			mmap(0x10000, 2p, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0) = 0x10000
			mremap(0x10000, 2p, 1p, 0) = 0x10000
			maps()
			    10000-11000 rw-s shmem
			copy_to_user(0x10000, "ab") = 0
			copy_from_user(0x10000, 2) = copied "ab"
			pagewalk(0x10000)
			    pgd[0] ...
			    ...
			    pte[16] pfn=...`,
		"settings and failures": setUp + `
			sysctl(thp=never)
			sysctl(vm.mmap_min_addr=0x200000)
			mmap(0x100000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED) = -1 EPERM (Operation not permitted)
			sysctl(vm.max_map_count=1)
			munmap(0x101000, 1p) = -1 ENOMEM (Cannot allocate memory)
			sysctl(vm.max_map_count=100)
			fail_nth(split_vma, 1)
			mprotect(0x101000, 1p, PROT_READ) = -1 ENOMEM (Cannot allocate memory)
			mprotect(0x101000, 1p, PROT_READ) = 0`,
		"two contexts": setUp + `
			fd2 = userfaultfd(0)
			ioctl(fd2, UFFDIO_REGISTER, {start=0x103000, len=1p, mode=MISSING}) = -1 EBUSY (Device or resource busy)
			fd = userfaultfd(0)
			mmap(0x200000, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)
			ioctl(fd, UFFDIO_REGISTER, {start=0x200000, len=1p, mode=UFFDIO_REGISTER_MODE_MISSING}) = 0 {ioctls=...}
			maps()
			    100000-104000 rw-p uffd=fd:missing
			    200000-201000 r--p uffd=fd#3:missing`,
		"a buffer of the program's": setUp + `
			mmap(0x200000, 1p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)
			t1: load(0x101000) = blocked
			read(fd, 32, buf=0x200000) = 32 {PAGEFAULT address=0x101000 flags=0}`,
	}
	for name, src := range tests {
		src = strings.ReplaceAll(src, "\n\t\t\t", "\n")
		t.Run(name, func(t *testing.T) { passes(t, src) })
	}
}

func TestKernels(t *testing.T) {
	const src = "#! kernel: 2015\nfd = userfaultfd(0)\nioctl(fd, UFFDIO_COPY, {dst=0, len=1p, byte='A'})"
	require.Equal(t, "-1 EINVAL (Invalid argument)", run(t, src, scenario.Options{}).Results[1].Answer)
	report := run(t, setUp+"ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=1p, byte='A'})", scenario.Options{Kernel: "2015+copy"})
	require.Equal(t, "0 {copy=4096}", report.Results[4].Answer)
	require.Equal(t, "2015", run(t, src, scenario.Options{}).Kernel)
	require.Equal(t, "2015+copy", run(t, src, scenario.Options{Kernel: "2015+copy"}).Kernel, "an option wins over the file")

	file, err := syntax.Parse("test.uffd", []byte("maps()"))
	require.NoError(t, err)
	_, err = scenario.Run(file, scenario.Options{Kernel: "2.4"})
	require.EqualError(t, err, `test.uffd: no kernel "2.4": userfaultfd came with Linux 4.3`)
}

func TestMismatch(t *testing.T) {
	report := run(t, "fd = userfaultfd(0) = 4\nmaps()\n    something\nclose(fd) = 0", scenario.Options{})
	require.False(t, report.OK())
	require.Equal(t, 3, report.Checked())
	failures := report.Failures()
	require.Len(t, failures, 2)
	require.Equal(t, "test.uffd:1: userfaultfd(0)\n  want = 4\n  got  = 3\n", failures[0].Diff())
	require.Equal(t, "test.uffd:2: maps()\n  expected lines:\n    something\n  printed lines:\n    nothing is mapped\n", failures[1].Diff())
}

// A mismatch of a task other than main names the task. The mismatch of "t1 = ..." names
// the operation that the task has begun, with its line.
func TestMismatchNamesTheTask(t *testing.T) {
	report := run(t, setUp+"t1: load(0x101000) = loaded 'A'\nclose(fd)\nt1 = loaded 'A'\nt1: poll(9) = ...\n    x\n", scenario.Options{Kernel: "2015+copy"})
	failures := report.Failures()
	require.Len(t, failures, 3)
	require.Equal(t, "test.uffd:6: t1: load(0x101000)\n  want = loaded 'A'\n  got  = blocked\n", failures[0].Diff())
	require.Equal(t, "test.uffd:8: t1 = ... (load(0x101000) of line 6)\n  want = loaded 'A'\n  got  = loaded '\\0'\n", failures[1].Diff())
	require.Equal(t, "test.uffd:9: t1: poll(9)\n  expected lines:\n    x\n  printed lines:\n", failures[2].Diff())
}

// A report lists the tasks that sleep at the end, unless the scenario has asked about
// them.
func TestSleepers(t *testing.T) {
	for _, c := range []struct {
		name, src string
		want      []string
	}{
		{"none", "t1: load(0)", nil},
		{"one", "t1: load(0x101000) = blocked", []string{"t1 still sleeps in load(0x101000) of line 6"}},
		{"two", "t2: load(0x101000)\nt1: load(0x101000, n=2)", []string{"t2 still sleeps in load(0x101000) of line 6", "t1 still sleeps in load(0x101000, n=2) of line 7"}},
		{"woken", "t1: load(0x101000)\nclose(fd)", nil},
		{"killed", "t1: load(0x101000)\nkill(t1, SIGKILL)", nil},
		{"asked about", "t1: load(0x101000)\nt1 = blocked", nil},
		{"asked about an earlier operation", "t1: load(0x101000)\nt1\nioctl(fd, UFFDIO_COPY, {dst=0x101000, len=1p, byte='A'})\nt1\nt1: load(0x102000)",
			[]string{"t1 still sleeps in load(0x102000) of line 10"}},
		{"the first task", "load(0x101000)\nmaps()", []string{"main still sleeps in load(0x101000) of line 6"}},
	} {
		for _, free := range []bool{false, true} {
			var got []string
			for _, s := range run(t, setUp+c.src, scenario.Options{Free: free}).Sleepers {
				got = append(got, s.String())
			}
			require.Equal(t, c.want, got, c.name)
		}
	}
	require.Nil(t, run(t, setUp+"t1: load(0x101000)\nmmap(0, 1p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_POPULATE)", scenario.Options{}).Sleepers)
}

// If a task cannot go on after a failed expectation, the run has failed. Any other
// mistake is one of the scenario.
func TestFailedBefore(t *testing.T) {
	for src, want := range map[string]bool{
		"t1: load(0x101000) = loaded 'A'\nt1: load(0x101000)": true,
		"t1: load(0x101000) = blocked\nt1: load(0x101000)":    false,
		"t1: load(0x101000)\nt1: load(0x101000) = loaded 'A'": false,
		"close(77) = 0\nqueues(0)":                            false,
		"fail_nth(fork, 1)\nc = fork() = 2\nc: maps()":        true,
		"t1: load(0x101000) = loaded 'A'\nexit()":             true,
		"m = mmap(0x300000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_LOCKED)\n" +
			"ioctl(fd, UFFDIO_REGISTER, {start=m, len=4p, mode=MISSING})\n" +
			"t1: p = mremap(m, 4p, 5p, 0) = 0x300000\nload(p)": true,
	} {
		file, err := syntax.Parse("test.uffd", []byte("#! kernel: 2015+copy"+setUp+src))
		require.NoError(t, err)
		s, err := scenario.NewSession(file, scenario.Options{})
		require.NoError(t, err)
		report, err := s.Run(nil)
		s.Close()
		require.Error(t, err)
		require.Equal(t, want, report.FailedBefore(err), src)
		require.False(t, report.FailedBefore(nil))
	}
}

func TestUpdate(t *testing.T) {
	const src = "# first\nfd = userfaultfd(0) = 4 # a comment\nmaps()\nt1: poll(fd) = ...\nclose(fd)\n"
	file, err := syntax.Parse("test.uffd", []byte(src))
	require.NoError(t, err)
	report, err := scenario.Run(file, scenario.Options{})
	require.NoError(t, err)
	updated := string(report.Update(file))
	require.Equal(t, "# first\nfd = userfaultfd(0) = 3  # a comment\nmaps()\n    nothing is mapped\nt1: poll(fd) = ...\nclose(fd) = 0\n", updated)
	require.True(t, run(t, updated, scenario.Options{}).OK())
}

// A seed always gives the same run. In this scenario the order of the tasks matters.
func TestDeterminism(t *testing.T) {
	const src = setUp + `
t1: load(0x101000)
t2: store(0x101000, 'x')
t3: load(0x102000)
fcntl(fd, F_SETFL, 0)
r1: read(fd, 32)
r2: read(fd, 96)
r3: read(fd, 32)
r4: read(fd, 32)
t4: load(0x103000)
r3
r4
c: ioctl(fd, UFFDIO_COPY, {dst=0x100000, len=4p, byte='A'})
close(fd)
t1
t2
t3
t4
`
	runs := 1000
	if testing.Short() {
		runs = 50
	}
	var first string
	for i := range runs {
		all, err := json.Marshal(run(t, src, scenario.Options{Seed: 42, Trace: true}).Results)
		require.NoError(t, err)
		if i == 0 {
			first = string(all)
			require.Contains(t, first, "handle_userfault")
		}
		require.True(t, first == string(all), "run %d differs", i)
	}
}

func TestSeedsDiffer(t *testing.T) {
	const src = setUp + "t1: load(0x101000)\nt2: load(0x101000)\nt3: load(0x101000)\nclose(fd)\n"
	traces := map[string]bool{}
	for seed := range uint64(20) {
		all, err := json.Marshal(run(t, src, scenario.Options{Seed: seed + 1, Trace: true}).Results)
		require.NoError(t, err)
		traces[string(all)] = true
	}
	require.Greater(t, len(traces), 1, "the order in which three tasks wake up depends on the seed")
}

func TestBudget(t *testing.T) {
	report := run(t, setUp+"load(0x100000)", scenario.Options{Steps: 5})
	f := report.Finding()
	require.NotNil(t, f)
	require.Equal(t, "test.uffd:2: userfaultfd(O_NONBLOCK): finding: "+
		"the run does not settle: too many steps (last seen running: task main); the limit is 5", f.Error())
	require.False(t, report.OK())
	require.Len(t, report.Results, 1, "the run ends there")
}

func TestMistakesFoundInTheRun(t *testing.T) {
	tests := map[string]string{
		"t1: load(0x101000)\nt1: load(0x102000)":      "test.uffd:7:1: t1 is still blocked in load(0x101000) of line 6",
		"load(0x101000)\nmaps()\nmaps()\nclose(fd)":   "test.uffd:9:1: main is still blocked in load(0x101000) of line 6",
		"t1: load(0)\nkill(t1, SIGKILL)\nt1: load(0)": "test.uffd:8:1: t1 cannot run load: it was killed",
		"c = fork()\nc: exit()\nc.t1: load(0)":        "test.uffd:8:1: c.t1 cannot run load: its process has exited",
		"t1: load(0x101000)\nexit()":                  "test.uffd:7:1: main cannot exit: t1 is blocked in load(0x101000) of line 6; kill it first",
		"fail_nth(fork, 1)\nc = fork()\nc: maps()":    "test.uffd:8:1: there is no process c: its fork has not succeeded",
		"queues(0)": "test.uffd:6:1: queues: descriptor 0 is not an open userfaultfd",
		"t1: fd2 = userfaultfd(0)\nclose(7)\nqueues(7)": "test.uffd:8:1: queues: descriptor 7 is not an open userfaultfd",
	}
	for src, want := range tests {
		file, err := syntax.Parse("test.uffd", []byte(setUp+src))
		require.NoError(t, err)
		_, err = scenario.Run(file, scenario.Options{})
		require.EqualError(t, err, want, src)
	}
}

func ExampleRun() {
	file, err := syntax.Parse("example.uffd", []byte("fd = userfaultfd(O_NONBLOCK)\nread(fd, 32)\n"))
	if err != nil {
		panic(err)
	}
	report, err := scenario.Run(file, scenario.Options{})
	if err != nil {
		panic(err)
	}
	for _, r := range report.Results {
		fmt.Println(r.String())
	}
	// Output:
	// fd = userfaultfd(O_NONBLOCK) = 3
	// read(fd, 32) = -1 EINVAL (Invalid argument)
}

// A question about an operation does not copy its text: a scenario may ask 2,000 times
// about an operation of 64 KiB.
func TestQuestionsShareTheText(t *testing.T) {
	report := run(t, "mmap(0x100000, 4p, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS)\nt1: load(0x100000)\nt1\nt1\n", scenario.Options{})
	first, second := report.Results[2], report.Results[3]
	require.Equal(t, "load(0x100000)", first.Begun)
	require.Equal(t, 2, first.BegunAt)
	require.Same(t, unsafe.StringData(first.Begun), unsafe.StringData(second.Begun))
}

// A blocked read does not keep a buffer for all the bytes that it asks for.
func TestBlockedReadsKeepLittle(t *testing.T) {
	src := "fd = userfaultfd(0)\nioctl(fd, UFFDIO_API, {api=0xaa})\n"
	for i := range 100 {
		src += fmt.Sprintf("t%d: read(fd, 0x100000) = blocked\n", i)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	report := run(t, src, scenario.Options{})
	runtime.ReadMemStats(&after)
	require.Empty(t, report.Failures())
	require.Less(t, (after.TotalAlloc-before.TotalAlloc)>>20, uint64(40), "MiB for 100 reads of 1 MiB")
}
