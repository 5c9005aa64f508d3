package litmus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
	"github.com/uffdsim/uffdsim/sim"
)

// FuzzSearch explores any text for a moment. None may crash the program or lead to a
// failing run, and each outcome must be true as a proposition.
func FuzzSearch(f *testing.F) {
	for _, s := range litmus.Scenarios() {
		f.Add(s.Source)
	}
	for _, o := range scenario.Operations() {
		f.Add(registered + "parallel {\n t1: load(0x100000)\n t2: " + o.Example + "\n}\nforall (t2 = 0)\nexists ([0x100000] = none)")
	}
	limits := scenario.Limits{Statements: 40, Tasks: 20, Steps: 5000, Pages: 2000}
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 4<<10 {
			return
		}
		file, err := syntax.Parse("fuzz.uffd", []byte(src))
		if err != nil {
			return
		}
		test, err := litmus.New(context.Background(), file, explore.Options{Budget: 20 * time.Millisecond, Workers: 1}, limits)
		if err != nil {
			return
		}
		began := time.Now()
		r, err := test.Search()
		if err != nil {
			t.Fatal(err, src)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v\n%s", took, src)
		}
		if r.Failure != nil && !allowed(r.Failure.Err) {
			t.Errorf("%v\n%s", r.Failure.Err, src)
		}
		for _, o := range r.Outcomes {
			p, err := syntax.ParseProposition("outcome", o.String())
			if err != nil {
				t.Fatalf("%v\n%s", err, src)
			}
			holds, err := test.Proposition(p)
			if err != nil || !holds(o.Outcome) {
				t.Errorf("%s: %v\n%s", o, err, src)
			}
		}
	})
}

// allowed reports whether any scenario may end so: by a limit, or because of something
// that is not modelled.
func allowed(err error) bool {
	var endless *sim.Endless
	bug, isBug := errors.AsType[*sim.Bug](err)
	return scenario.IsNotModelled(err) || errors.As(err, &endless) || isBug && bug.Kind == sim.BugOutOfMemory
}
