package explore

// Shrink returns a run that fails in the same way with fewer switches from one task to
// another, or f itself. It moves turns of the schedule to the previous or the next turn
// of the same task, until no move helps. The result is a local minimum.
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
	}
	return best
}

// turn is a maximal part of a schedule in which one task runs.
type turn struct {
	task  string
	steps int
}

func (s Schedule) turns() []turn {
	var turns []turn
	for _, task := range s {
		if n := len(turns); n > 0 && turns[n-1].task == task {
			turns[n-1].steps++
		} else {
			turns = append(turns, turn{task, 1})
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
	put := func(t turn) {
		for range t.steps {
			s = append(s, t.task)
		}
	}
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
// same as before with fewer switches, else nil.
func fails(program Program, opts Options, s Schedule, before *Failure) *Failure {
	r := &replay{schedule: s}
	failure, err := r.run(program, opts, func(*Run) {})
	if err != nil || failure == nil || failure.Error() != before.Err.Error() || r.ran.Switches() >= before.Schedule.Switches() {
		return nil
	}
	return &Failure{Err: failure, Schedule: r.ran}
}
