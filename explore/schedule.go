package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Schedule is an interleaving: the task that takes each visible step. As text it is
// the tasks in turn with the number of steps that each takes, "t1*14 copier*32 t1*9".
type Schedule []string

// String is the schedule as text.
func (s Schedule) String() string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 1
		for i+n < len(s) && s[i+n] == s[i] {
			n++
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s*%d", s[i], n)
		i += n
	}
	return b.String()
}

// Switches is the number of times that the CPU passes from one task to another.
func (s Schedule) Switches() int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] != s[i-1] {
			n++
		}
	}
	return n
}

// maxSchedule is the largest number of steps of a schedule in text, whose few bytes stand for many.
const maxSchedule = 1_000_000

// ParseSchedule reads a schedule from its text. It returns an error if the text is none, or has
// more than a million steps.
func ParseSchedule(text string) (Schedule, error) {
	var s Schedule
	for _, turn := range strings.Fields(text) {
		name, count, ok := strings.Cut(turn, "*")
		n, err := strconv.Atoi(count)
		if !ok || err != nil || n < 1 || name == "" {
			return nil, fmt.Errorf("schedule: %.60q is not a task and a number of steps, as in t1*14", turn)
		}
		if n > maxSchedule-len(s) {
			return nil, fmt.Errorf("schedule: more than %d steps, at %.60q", maxSchedule, turn)
		}
		for range n {
			s = append(s, name)
		}
	}
	return s, nil
}

// replay is the strategy that follows a schedule. When that has come to its end, or
// asks for a task that cannot go on, the task goes on that ran last, or else the first that
// can.
type replay struct {
	world    *World
	schedule Schedule
	ready    bool // the machine is, and the tasks run
	at       int
	mismatch error             // where the schedule asked for a task that could not go on, nil for nowhere
	ran      Schedule          // what was run in fact
	onStep   func(t *sim.Task) // is told of each choice; nil for nobody
	trace    *sim.Tracer       // gets the events of the whole run, the machine's setting up included; nil for nobody
}

// Pick implements [sim.Strategy].
func (r *replay) Pick(enabled []*sim.Task, current *sim.Task) *sim.Task {
	if !r.ready {
		return enabled[0]
	}
	chosen := enabled[0]
	if i := slices.Index(enabled, current); i >= 0 {
		chosen = current
	}
	if r.at < len(r.schedule) {
		name := r.schedule[r.at]
		r.at++
		if i := slices.IndexFunc(enabled, func(t *sim.Task) bool { return t.Name() == name }); i >= 0 {
			chosen = enabled[i]
		} else if r.mismatch == nil {
			r.mismatch = r.mismatchAt(name)
		}
	}
	r.world.observe(chosen)
	r.ran = append(r.ran, chosen.Name())
	if r.onStep != nil {
		r.onStep(chosen)
	}
	return chosen
}

// stray says why a step of the schedule cannot be taken.
func (r *replay) mismatchAt(name string) error {
	var known []string
	for _, t := range r.world.tasks {
		known = append(known, t.Name)
	}
	if !slices.Contains(known, strings.TrimSuffix(name, ".buffer")) {
		return fmt.Errorf("the schedule does not fit: there is no task %q, but %s", name, strings.Join(known, ", "))
	}
	return fmt.Errorf("the schedule does not fit: step %d of it asks for %s, which cannot go on then", r.at, name)
}

// Replay runs the setup once, in the order of the schedule, and returns its outcome
// and what went wrong, if anything did. trace gets the events, of the machine's setting up, too; nil for none.
func Replay(setup *Setup, opts Options, schedule Schedule, trace func(sim.Event)) (outcome string, failure, err error) {
	r := &replay{schedule: schedule}
	if trace != nil {
		r.trace = sim.NewTracer(trace)
	}
	failure, err = r.run(setup, opts, func(*World) {})
	if err != nil {
		return "", nil, err
	}
	return r.world.Outcome(), failure, r.mismatch
}

// run runs the setup once, along the schedule. ready is called when the machine is.
func (r *replay) run(setup *Setup, opts Options, ready func(w *World)) (failure, err error) {
	if opts.Faulters == 0 {
		opts.Faulters = setup.Faulters
	}
	factory := newFactory()
	factory.trace = r.trace
	defer factory.close()
	w, err := factory.newWorld(r, setup, &opts)
	if err != nil {
		return nil, err
	}
	r.world, r.ready = w, true
	ready(w)
	setup.Tasks(w)
	failure = w.exec.Settle()
	if failure == nil {
		failure = w.check(setup)
	}
	w.discard()
	return failure, nil
}
