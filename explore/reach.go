package explore

import "errors"

// ErrReached is the error of a run that has the outcome that [Reach] looks for.
var ErrReached = errors.New("the run has the outcome that was looked for")

// Reach finds the shortest run with an outcome for which wanted returns true: that with
// the fewest preemptions, and among these the one with the fewest switches from one task
// to another. It is the Failure of the result, with ErrReached, unless a run goes wrong
// first. Result.Covered says that no run with the outcome is shorter, or, without a
// Failure, that no run has it. Result.Outcomes has all outcomes then.
func Reach(program Program, opts Options, wanted func(outcome string) bool) (*Result, error) {
	all, err := Search(program, opts)
	if err != nil || all.Failure != nil {
		return all, err
	}
	found, ok := "", false
	for outcome := range all.Outcomes {
		if wanted(outcome) {
			found, ok = outcome, true
			break
		}
	}
	if !ok {
		return all, nil
	}
	witness := all.Witnesses[found]
	opts.wanted = wanted
	if opts.Budget != 0 {
		opts.Budget = max(opts.Budget-all.Took, 1) // 0 is no limit
	}
	short, err := Counterexample(program, opts)
	if err != nil || short.Failure != nil {
		return short, err
	}
	// The run needs more preemptions than Counterexample tries, or more time.
	replayed := &replay{schedule: Shorten(program, opts, witness, found)}
	if _, err := replayed.run(program, opts, func(*Run) {}); err != nil {
		return nil, err
	}
	all.Covered, all.Failure = false, &Failure{ErrReached, replayed.ran, replayed.bound}
	return all, nil
}

// Shorten returns a schedule that leads to the same outcome as s, with fewer switches
// from one task to another, or s itself: see [Shrink].
func Shorten(program Program, opts Options, s Schedule, outcome string) Schedule {
	opts.wanted = func(o string) bool { return o == outcome }
	return Shrink(program, opts, &Failure{Err: ErrReached, Schedule: s}).Schedule
}
