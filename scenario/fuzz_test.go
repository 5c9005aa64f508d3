package scenario_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// FuzzRun runs any text. None may crash the program, hang it, or lead to data structures
// that contradict each other.
func FuzzRun(f *testing.F) {
	for _, l := range lessons.All() {
		f.Add(l.Source, uint64(1))
	}
	for _, o := range scenario.Operations() {
		f.Add(setUp+o.Example, uint64(2))
	}
	f.Add(setUp+"t1: load(0x101000)\nkill(t1, SIGKILL)\nt1\nfail_nth(pte_alloc, 1)\nload(0x40000000)", uint64(3))
	f.Fuzz(func(t *testing.T, src string, seed uint64) {
		if len(src) > 8<<10 {
			return
		}
		file, err := syntax.Parse("fuzz.uffd", []byte(src))
		if err != nil {
			return
		}
		began := time.Now()
		report, err := scenario.Run(file, scenario.Options{Seed: seed, Steps: 3000, Check: true})
		if err != nil {
			return
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		requireNoBug(t, report, src)
	})
}

func requireNoBug(t *testing.T, report *scenario.Report, src string) {
	t.Helper()
	var endless *sim.Endless
	if found := report.Finding(); found != nil && !found.NotModelled() && !errors.As(found, &endless) {
		t.Errorf("%v\n%s", found, src)
	}
}

// FuzzOperations runs operations in any order, each as a separate task, on eight pages,
// two contexts and a child. Two bytes of the input choose an operation.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x03\x08\x05\x00\x00"), uint64(1))
	f.Add([]byte("the quick brown fox jumps over the lazy dog"), uint64(2))
	f.Fuzz(func(t *testing.T, choices []byte, seed uint64) {
		if len(choices) > 400 {
			return
		}
		src := randomScenario(choices)
		file, err := syntax.Parse("fuzz.uffd", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		report, err := scenario.Run(file, scenario.Options{Seed: seed, Steps: 100_000, Check: true})
		if err != nil && !strings.Contains(err.Error(), "its fork has not succeeded") {
			t.Fatalf("%v\n%s", err, src)
		}
		requireNoBug(t, report, src)
	})
}

// The operations of FuzzOperations: $a is a page, $n a number of pages, $f a descriptor,
// $k a task that was used before.
var fuzzOperations = strings.Split(strings.TrimSpace(`
load($a)
store($a, 'x')
load($a)
store($a, "across")
read($f, 64)
read($f, 32, buf=$a)
poll($f)
poll($f, timeout=-1)
ioctl($f, UFFDIO_REGISTER, {start=$a, len=$n, mode=MISSING})
ioctl($f, UFFDIO_REGISTER, {start=$a, len=$n, mode=MISSING})
ioctl($f, UFFDIO_UNREGISTER, {start=$a, len=$n})
ioctl($f, UFFDIO_WAKE, {start=$a, len=$n})
ioctl($f, UFFDIO_COPY, {dst=$a, len=$n, byte='c'})
ioctl($f, UFFDIO_COPY, {dst=$a, len=$n, src=0x107000, mode=DONTWAKE})
ioctl($f, UFFDIO_ZEROPAGE, {start=$a, len=$n})
ioctl($f, UFFDIO_REGISTER, $a)
munmap($a, $n)
mmap($a, $n, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED)
mmap($a, $n, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED)
mprotect($a, $n, PROT_READ)
mprotect($a, $n, PROT_READ|PROT_WRITE)
mremap($a, $n, 2p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x104000)
mremap($a, $n, 3p, MREMAP_MAYMOVE)
madvise($a, $n, MADV_DONTNEED)
madvise($a, $n, MADV_DONTFORK)
copy_from_user($a, 5000)
copy_to_user($a, "bytes")
kill($k, SIGKILL)
kill($k, SIGUSR1)
fcntl($f, F_SETFL, O_NONBLOCK)
fcntl($f, F_SETFL, 0)
close($f)
dup($f)
fork
fail_nth(split_vma, 1)
fail_nth(alloc_page, 1)
fail_nth(pte_alloc, 1)
fail_nth(vma_merge, 1)
fail_nth(anon_vma, 1)
`), "\n")

func randomScenario(choices []byte) string {
	var b strings.Builder
	b.WriteString(`userfaultfd(O_NONBLOCK)
userfaultfd(0)
ioctl(3, UFFDIO_API, {api=0xaa})
ioctl(4, UFFDIO_API, {api=0xaa})
mmap(0x100000, 8p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)
`)
	process, tasks := "", []string{"main"}
	for i := 0; i+1 < len(choices); i += 2 {
		op, x := fuzzOperations[int(choices[i])%len(fuzzOperations)], int(choices[i+1])
		task := fmt.Sprintf("t%d", i)
		if process != "" && x >= 0xa0 {
			task = process + "." + task
		}
		if op == "fork" {
			process = fmt.Sprintf("c%d", i)
			op = process + " = fork()"
		}
		op = strings.NewReplacer(
			"$a", fmt.Sprintf("%#x", 0x100000+0x1000*(x%8)), "$n", fmt.Sprintf("%dp", 1+x/8%4),
			"$f", fmt.Sprint(3+x/32%3), "$k", tasks[x%len(tasks)],
		).Replace(op)
		fmt.Fprintf(&b, "%s: %s\n", task, op)
		tasks = append(tasks, task)
	}
	return b.String()
}
