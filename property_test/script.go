package properties

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/conform"
	"pgregory.net/rapid"
)

// arena is the start of the memory that the properties use, a multiple of the page size.
const (
	arena    = 0x100000
	pageSize = 0x1000
)

func address(page int) uint64 { return arena + uint64(page)*pageSize }

// script is a scenario that a property generates step by step. A failure is reported with
// the scenario, which rapid has made as short as it can, ready for uffdsim run.
type script struct {
	t      *rapid.T
	kernel string
	doer   conform.Doer
	lines  []string
}

func newScript(t *rapid.T, i *Implementation) *script {
	doer, err := i.New(rapid.Uint64Range(1, 1<<20).Draw(t, "interleaving"))
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, kernel: i.Kernel, doer: doer}
}

// do runs a statement and returns its answer, followed by the lines of its block.
func (s *script) do(format string, args ...any) string {
	line := fmt.Sprintf(format, args...)
	r, err := s.doer.Do(line)
	if err != nil {
		s.fail("%v", err)
	}
	answer := strings.Trim(r.Whole(), "\n")
	s.lines = append(s.lines, line)
	if r.Finding != nil {
		s.fail("%s", answer)
	}
	return answer
}

// expect runs a statement, and requires the answer.
func (s *script) expect(want, format string, args ...any) {
	if got := s.do(format, args...); got != want {
		s.fail("the answer is %q, and not %q", got, want)
	}
}

// fail ends the test with the scenario.
func (s *script) fail(format string, args ...any) {
	s.t.Fatalf("%s\n\n#! kernel: %s\n%s\n", fmt.Sprintf(format, args...), s.kernel, strings.Join(s.lines, "\n"))
}

// canDo reports whether the implementation supports the statement. An unsupported one is
// skipped.
func (s *script) canDo(line string) bool {
	r, err := s.doer.Do(line)
	return err == nil && !r.Skipped
}

func (s *script) close() { s.doer.Close() }

// set converts operations to the form that rapid repeats.
func (s *script) set(ops map[string]func()) map[string]func(*rapid.T) {
	repeated := map[string]func(*rapid.T){}
	for name, op := range ops {
		repeated[name] = func(t *rapid.T) { s.t = t; op() }
	}
	return repeated
}

// contexts are the names of the descriptors.
var contexts = []string{"a", "b"}

// open creates a context, and makes the handshake.
func (s *script) open(fd string) {
	s.do("%s = userfaultfd(O_NONBLOCK)", fd)
	s.do("ioctl(%s, UFFDIO_API, {api=0xaa, features=0})", fd)
}

// span draws a non-empty range of pages.
func (s *script) span() (from, to int) {
	from = rapid.IntRange(0, arenaPages-1).Draw(s.t, "from")
	return from, rapid.IntRange(from+1, arenaPages).Draw(s.t, "to")
}

func (s *script) context() string { return rapid.SampledFrom(contexts).Draw(s.t, "context") }

func (s *script) prot() string {
	return rapid.SampledFrom([]string{protWrite, protRead, protNone}).Draw(s.t, "prot")
}
