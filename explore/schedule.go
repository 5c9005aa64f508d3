package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Schedule is an interleaving: the task of each visible step. Its text has, for each turn
// of a task, the number of steps: "t1*14 copier*32 t1*9".
type Schedule []string

// String returns the text of the schedule.
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

// Switches returns the number of switches from one task to another.
func (s Schedule) Switches() int {
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] != s[i-1] {
			n++
		}
	}
	return n
}

// maxSchedule is the maximum number of steps of a schedule that is read from text. A
// short text can stand for any number of steps.
const maxSchedule = 1_000_000

// ParseSchedule parses the text of a schedule. It returns an error if the text is no
// schedule or has more than a million steps.
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

// replay is a strategy that follows a schedule. After the schedule's end, and where its
// task is not enabled, it picks the task that ran last, or else the first enabled one.
type replay struct {
	current  *Run
	schedule Schedule
	ready    bool              // the setup of the machine is over
	at       int               // index of the next step in schedule
	mismatch error             // the first place where the schedule's task was not enabled, nil if none
	ran      Schedule          // the schedule of the run itself
	outcome  string            // of the run, after its end
	onStep   func(t *sim.Task) // called after each choice, unless nil
	trace    *sim.Tracer       // receives all events, including those of the setup, unless nil
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
	r.current.host.observe(chosen)
	r.ran = append(r.ran, chosen.Name())
	if r.onStep != nil {
		r.onStep(chosen)
	}
	return chosen
}

// mismatchAt returns the error for a step of the schedule whose task is not enabled.
func (r *replay) mismatchAt(name string) error {
	var known []string
	for _, t := range r.current.tasks {
		known = append(known, t.Name)
	}
	if !slices.Contains(known, strings.TrimSuffix(name, ".buffer")) {
		return fmt.Errorf("the schedule does not fit: there is no task %q, but %s", name, strings.Join(known, ", "))
	}
	return fmt.Errorf("the schedule does not fit: step %d of it asks for %s, which is not enabled there", r.at, name)
}

// Replay runs the program once, along the schedule. It returns the outcome, and the
// failure if the run goes wrong. trace, unless nil, receives all events, including those
// of the setup of the machine. The error says where the schedule does not fit.
func Replay(program Program, opts Options, schedule Schedule, trace func(sim.Event)) (outcome string, failure, err error) {
	r := &replay{schedule: schedule}
	if trace != nil {
		r.trace = sim.NewTracer(trace)
	}
	failure, err = r.run(program, opts, func(*Run) {})
	if err != nil {
		return "", nil, err
	}
	return r.outcome, failure, r.mismatch
}

// run runs the program once, along the schedule. It calls ready after the setup of the
// machine.
func (r *replay) run(program Program, opts Options, ready func(*Run)) (failure, err error) {
	program.complete(&opts)
	factory := newFactory()
	factory.trace = r.trace
	defer factory.close()
	run, err := program.newRun(factory, r, &opts)
	if err != nil {
		return nil, err
	}
	r.current, r.ready = run, true
	ready(run)
	run.host.start()
	failure = run.exec.Settle()
	if failure == nil {
		failure = run.check()
	}
	r.outcome = run.Outcome() // the memory that it may show is recycled now
	run.discard()
	return failure, nil
}
