package explore

// MaxPreemptions is where the search for a counterexample gives up.
const MaxPreemptions = 4

// Counterexample searches for the run with the fewest preemptions that goes wrong, and among
// those with as many for the one with the fewest switches from one task to another. The
// result has no Failure if there is none with up to MaxPreemptions, or none was found before
// the budget was spent. Covered says that it was not: then a failure is the shortest there
// is, and none means that there is none.
func Counterexample(setup *Setup, opts Options) (*Result, error) {
	bound := Bound{Switches: AnyNumber}
	opts.Bound, opts.Workers = &bound, 1
	total, err := Search(setup, opts)
	for err == nil && total.Failure == nil && total.Covered && bound.Preemptions < MaxPreemptions {
		bound.Preemptions++
		total, err = searchMore(setup, opts, total)
	}
	if err != nil || total.Failure == nil {
		return total, err
	}
	most := total.Failure.Schedule.Switches()
	total.Failure.Bound = Bound{most, bound.Preemptions}
	for bound.Switches = range most {
		fewer, err := searchMore(setup, opts, total)
		switch {
		case err != nil:
			return nil, err
		case fewer.Failure != nil:
			fewer.Covered, fewer.Failure.Bound = true, bound
			return fewer, nil
		}
		total.Stats = fewer.Stats
		if !fewer.Covered {
			return total, nil
		}
	}
	total.Covered = true
	return total, nil
}

// searchMore is a search that has what another one has left of the budget, and whose effort is
// added to that one's.
func searchMore(setup *Setup, opts Options, before *Result) (*Result, error) {
	if opts.Budget != 0 {
		opts.Budget = max(opts.Budget-before.Took, 1) // 0 would be no limit
	}
	r, err := Search(setup, opts)
	if err == nil {
		r.Runs, r.Steps, r.Took = r.Runs+before.Runs, r.Steps+before.Steps, r.Took+before.Took
	}
	return r, err
}
