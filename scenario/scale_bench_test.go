package scenario

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

const handshake = "#! kernel: 6.18\n" +
	"fd = userfaultfd(O_NONBLOCK|UFFD_USER_MODE_ONLY) = 3\n" +
	"ioctl(fd, UFFDIO_API, {api=0xaa}) = 0 {features=..., ioctls=...}\n"

// registered returns statements that map n pages and register them.
func registered(n int) string {
	return handshake +
		fmt.Sprintf("mmap(0x10000000, %dp, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n", n) +
		fmt.Sprintf("ioctl(fd, UFFDIO_REGISTER, {start=0x10000000, len=%dp, mode=MISSING})\n", n)
}

// repeated writes a text n times, with i for each {i}, and the address of page i for each
// {page}.
func repeated(b *strings.Builder, n int, text string) {
	for i := range n {
		r := strings.NewReplacer("{i}", fmt.Sprint(i), "{page}", fmt.Sprintf("%#x", 0x10000000+4096*i))
		_, _ = r.WriteString(b, text)
	}
}

// growing are scenarios that grow with n. Their time and memory must be linear in n.
var growing = []struct {
	name string
	text func(n int) string
}{
	{"statements", func(n int) string {
		var b strings.Builder
		b.WriteString("mmap(0x10000000, 1p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n")
		repeated(&b, n, "store(0x10000000, 'a') = stored\n")
		return b.String()
	}},
	{"tasks that fault one after another", func(n int) string {
		var b strings.Builder
		b.WriteString(registered(n))
		repeated(&b, n, "t{i}: load({page}) = blocked\n"+
			"ioctl(fd, UFFDIO_COPY, {dst={page}, byte='x', len=1p}) = 0 {copy=4096}\n"+
			"t{i} = loaded 'x'\n")
		return b.String()
	}},
	{"tasks that sleep at the same time", func(n int) string {
		var b strings.Builder
		b.WriteString(registered(n))
		repeated(&b, n, "t{i}: load({page}) = blocked\n")
		repeated(&b, n, "ioctl(fd, UFFDIO_COPY, {dst={page}, byte='x', len=1p}) = 0 {copy=4096}\nt{i} = loaded 'x'\n")
		return b.String()
	}},
	{"tasks woken at the same time", func(n int) string {
		var b strings.Builder
		b.WriteString(registered(n))
		repeated(&b, n, "t{i}: load(0x10000000) = blocked\n")
		b.WriteString("ioctl(fd, UFFDIO_COPY, {dst=0x10000000, byte='x', len=1p}) = 0 {copy=4096}\n")
		repeated(&b, n, "t{i} = loaded 'x'\n")
		return b.String()
	}},
	{"processes", func(n int) string {
		var b strings.Builder
		b.WriteString("mmap(0x10000000, 1p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n")
		repeated(&b, n, "c{i} = fork()\nc{i}: store(0x10000000, 'c') = stored\nc{i}: exit() = exited\n")
		return b.String()
	}},
	{"processes at the same time", func(n int) string {
		var b strings.Builder
		b.WriteString("mmap(0x10000000, 1p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS)\n")
		repeated(&b, n, "c{i} = fork()\n")
		repeated(&b, n, "c{i}: store(0x10000000, 'c') = stored\n")
		return b.String()
	}},
	{"contexts", func(n int) string {
		var b strings.Builder
		repeated(&b, n, "fd = userfaultfd(0) = 3\nclose(fd) = 0\n")
		return b.String()
	}},
}

func runText(tb testing.TB, text string, opts Options) {
	file, err := syntax.Parse("s.uffd", []byte(text))
	require.NoError(tb, err)
	report, err := Run(file, opts)
	require.NoError(tb, err)
	for _, f := range report.Failures() {
		require.Fail(tb, f.Diff())
	}
}

// BenchmarkGrowing reports the time and memory of one more statement, task or process.
func BenchmarkGrowing(b *testing.B) {
	for _, g := range growing {
		for _, free := range []bool{false, true} {
			for _, n := range []int{2500, 10_000} {
				b.Run(fmt.Sprintf("%s/free=%v/%d", g.name, free, n), func(b *testing.B) {
					text := g.text(n)
					b.ReportAllocs()
					for b.Loop() {
						runText(b, text, Options{Free: free})
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/item")
				})
			}
		}
	}
}
