package litmus

import (
	"cmp"
	"slices"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// Result is the result of the exploration of a test.
type Result struct {
	*explore.Result
	Outcomes []Outcome // the most frequent first
	Verdicts []Verdict // in the order of the scenario's conditions
}

// Outcome is an outcome of a test.
type Outcome struct {
	*scenario.Outcome
	// Runs is the number of runs that ended so. Each stands for a class of interleavings.
	Runs int
	// Schedule is that of one of these runs, with few switches between tasks.
	Schedule explore.Schedule
}

// Verdict says whether a condition holds.
type Verdict struct {
	scenario.Condition
	Holds Truth
	// Witness is the index of an outcome that decides it, -1 if none does. It is one that
	// exists asks for, or one that contradicts the condition.
	Witness int
}

// Truth is the truth of a condition.
type Truth uint8

// The truths.
const (
	Unknown Truth = iota // not all interleavings were explored
	Yes
	No
)

// String returns the truth as text.
func (t Truth) String() string { return [...]string{"unknown", "yes", "no"}[t] }

// Search explores the test, and judges its conditions. It returns an error if the test
// cannot run.
func (t *Test) Search() (*Result, error) { return t.finish(explore.Search(t.Program, t.Options)) }

// Sample explores random interleavings: see [explore.Sample]. It can find outcomes, and
// exclude none.
func (t *Test) Sample(seed uint64, depth int) (*Result, error) {
	return t.finish(explore.Sample(t.Program, t.Options, seed, depth))
}

// finish completes the result of a search.
func (t *Test) finish(found *explore.Result, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	r := &Result{Result: found}
	for text, runs := range found.Outcomes {
		t.mu.Lock()
		end := t.ends[text]
		t.mu.Unlock()
		r.Outcomes = append(r.Outcomes, Outcome{end, runs, t.shorten(text, found.Witnesses[text])})
	}
	slices.SortFunc(r.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(b.Runs, a.Runs), cmp.Compare(a.String(), b.String()))
	})
	for _, c := range t.parallel.Conditions() {
		r.Verdicts = append(r.Verdicts, r.judge(c))
	}
	return r, nil
}

// judge judges a condition.
func (r *Result) judge(c scenario.Condition) Verdict {
	v := Verdict{Condition: c, Witness: slices.IndexFunc(r.Outcomes, func(o Outcome) bool {
		return c.Holds(o.Outcome) == (c.Quantifier != syntax.Forall)
	})}
	found, exists := v.Witness >= 0, c.Quantifier == syntax.Exists
	switch {
	case found && exists, !found && !exists && r.Covered:
		v.Holds = Yes
	case found, exists && r.Covered:
		v.Holds = No
	}
	return v
}

// OK reports whether no run went wrong, and all conditions hold.
func (r *Result) OK() bool {
	return r.Failure == nil && !slices.ContainsFunc(r.Verdicts, func(v Verdict) bool { return v.Holds != Yes })
}

// shorten returns a schedule to the outcome with fewer switches, if it finds one.
func (t *Test) shorten(outcome string, s explore.Schedule) explore.Schedule {
	if s == nil {
		return nil // another shard has found the outcome
	}
	return explore.Shorten(t.Program, t.Options, s, outcome)
}

// Reach finds the shortest run with an outcome for which wanted returns true: see
// [explore.Reach].
func (t *Test) Reach(wanted func(o *scenario.Outcome) bool) (*explore.Result, error) {
	return explore.Reach(t.Program, t.Options, func(outcome string) bool {
		t.mu.Lock()
		o := t.ends[outcome]
		t.mu.Unlock()
		return wanted(o)
	})
}

// Proposition returns a function that reports whether a proposition is true of an
// outcome: see [scenario.Parallel.Proposition].
func (t *Test) Proposition(p *syntax.Proposition) (holds func(o *scenario.Outcome) bool, err error) {
	return t.parallel.Proposition(p)
}
