package property_test

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"pgregory.net/rapid"
)

// script is a scenario that a property makes up as it goes. What goes wrong is reported with
// the scenario, which rapid has made as short as it can: ready for uffdsim run.
type script struct {
	t       *rapid.T
	kernel  string
	session *scenario.Session
	lines   []string
}

func newScript(t *rapid.T, kernel string) *script {
	file, err := syntax.Parse("property", nil)
	if err != nil {
		t.Fatal(err)
	}
	session, err := scenario.NewSession(file, scenario.Options{
		Kernel: kernel, Check: true, Seed: rapid.Uint64Range(1, 1<<20).Draw(t, "interleaving"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &script{t: t, kernel: kernel, session: session}
}

// do runs a statement and returns its answer, with the lines of its block behind it.
func (s *script) do(format string, args ...any) string {
	line := fmt.Sprintf(format, args...)
	r, err := s.session.Do(line)
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

// expect runs a statement that has to answer so.
func (s *script) expect(want, format string, args ...any) {
	if got := s.do(format, args...); got != want {
		s.fail("the answer is %q, and not %q", got, want)
	}
}

// fail ends the test with the scenario.
func (s *script) fail(format string, args ...any) {
	s.t.Fatalf("%s\n\n#! kernel: %s\n%s\n", fmt.Sprintf(format, args...), s.kernel, strings.Join(s.lines, "\n"))
}

func (s *script) close() { s.session.Close() }
