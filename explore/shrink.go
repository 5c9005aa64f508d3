package explore

// Shrink returns a run that fails in the same way with fewer switches from one task to
// another, or with smaller values of choices, or f itself. It moves turns of the schedule
// to the previous or the next turn of the same task, and lowers the values of choices,
// until neither helps. The result is a local minimum.
func Shrink(program Program, opts Options, f *Failure) *Failure {
	best := f
	for better := true; better; {
		better = false
		turns := best.Schedule.turns()
		for i := 1; i < len(turns) && !better; i++ {
			for _, candidate := range []Schedule{moveTurn(turns, i, -1), moveTurn(turns, i, +1)} {
				if g := fails(program, opts, candidate, best); g != nil {
					best, better = g, true
					break
				}
			}
		}
		if better {
			continue
		}
		for _, candidate := range best.Schedule.smallerChoices() {
			if g := fails(program, opts, candidate, best); g != nil {
				best, better = g, true
				break
			}
		}
	}
	return best
}

// turn is a maximal part of a schedule in which one task runs.
type turn struct {
	task  string
	steps Schedule
}

func (s Schedule) turns() []turn {
	var turns []turn
	for i, step := range s {
		task := taskOf(step)
		if n := len(turns); n > 0 && turns[n-1].task == task {
			turns[n-1].steps = append(turns[n-1].steps, step)
		} else {
			turns = append(turns, turn{task, s[i : i+1 : i+1]})
		}
	}
	return turns
}

// moveTurn moves turn i to the nearest turn of its task in the direction (-1 or +1), or,
// if there is none, to that end of the schedule.
func moveTurn(turns []turn, i, direction int) Schedule {
	to := i + direction
	for to >= 0 && to < len(turns) && turns[to].task != turns[i].task {
		to += direction
	}
	var s Schedule
	put := func(t turn) { s = append(s, t.steps...) }
	if to < 0 {
		put(turns[i])
	}
	for k, t := range turns {
		if k == to && direction > 0 {
			put(turns[i])
		}
		if k != i {
			put(t)
		}
		if k == to && direction < 0 {
			put(turns[i])
		}
	}
	if to == len(turns) {
		put(turns[i])
	}
	return s
}

// fails runs the schedule as far as it applies. It returns the failure if that is the
// same as before and the run is simpler, else nil.
func fails(program Program, opts Options, s Schedule, before *Failure) *Failure {
	r := &replay{schedule: s}
	failure, err := r.run(program, opts, func(*Run) {})
	if err != nil || failure == nil || failure.Error() != before.Err.Error() || !r.ran.simpler(before.Schedule) {
		return nil
	}
	return &Failure{Err: failure, Schedule: r.ran}
}

// simpler reports whether s has fewer switches than other, or as many and smaller values
// of choices.
func (s Schedule) simpler(other Schedule) bool {
	if more := s.Switches() - other.Switches(); more != 0 {
		return more < 0
	}
	return s.choices() < other.choices()
}
