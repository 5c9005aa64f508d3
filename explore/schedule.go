package explore

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Schedule is an interleaving: the task of each visible step, and the value of each
// choice ([sim.Task.Choose]). Its text has, for each turn of a task, the number of steps,
// and each choice by itself: "t1*14 copier*32 t1=2 t1*9".
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
		b.WriteString(s[i])
		if _, _, isChoice := cutChoice(s[i]); n > 1 || !isChoice {
			fmt.Fprintf(&b, "*%d", n)
		}
		i += n
	}
	return b.String()
}

// Switches returns the number of switches from one task to another.
func (s Schedule) Switches() int {
	n := 0
	for i := 1; i < len(s); i++ {
		if taskOf(s[i]) != taskOf(s[i-1]) {
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
		step, n, ok := parseTurn(turn)
		if !ok {
			return nil, fmt.Errorf("schedule: %.60q is not a task and a number of steps, as in t1*14, or a choice, as in t1=2", turn)
		}
		if n > maxSchedule-len(s) {
			return nil, fmt.Errorf("schedule: more than %d steps, at %.60q", maxSchedule, turn)
		}
		for range n {
			s = append(s, step)
		}
	}
	return s, nil
}

// parseTurn parses a step and how often it is taken: "t1*14", "t1=2" or "t1=2*3".
func parseTurn(text string) (step string, n int, ok bool) {
	step, count, counted := strings.Cut(text, "*")
	task, value, isChoice := strings.Cut(step, "=")
	switch v, err := strconv.Atoi(value); {
	case !isChoice && !counted, task == "":
		return "", 0, false
	case isChoice && (err != nil || v < 0):
		return "", 0, false
	case isChoice:
		step = task + "=" + strconv.Itoa(v)
	}
	if !counted {
		return step, 1, true
	}
	n, err := strconv.Atoi(count)
	return step, n, err == nil && n > 0
}

// replay is a strategy that follows a schedule. After the schedule's end, and where its
// task is not enabled, it picks the task that ran last, or else the first enabled one,
// and the value 0.
type replay struct {
	current  *Run
	schedule Schedule
	ready    bool               // the setup of the machine is over
	at       int                // index of the next step in schedule
	followed bool               // the last step was that of the schedule
	mismatch error              // the first place where the schedule does not fit, nil if none
	ran      Schedule           // the schedule of the run itself
	bound    Bound              // that the run respects; without store buffers
	outcome  string             // of the run, after its end
	onStep   func(t *sim.Task)  // called before each step, unless nil
	onChoice func(value, n int) // called after each choice of a number below n, unless nil
	trace    *sim.Tracer        // receives all events, including those of the setup, unless nil
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
	r.followed = false
	if r.at < len(r.schedule) {
		name, _, isChoice := cutChoice(r.schedule[r.at])
		r.at++
		if i := slices.IndexFunc(enabled, func(t *sim.Task) bool { return t.Name() == name }); i >= 0 {
			chosen, r.followed = enabled[i], true
			if isChoice && chosen.Next().Op != sim.OpChoose {
				r.misfit("step %d of it is a choice, but %s takes another step there", r.at, name)
			}
		} else {
			r.unknownTask(name)
		}
	}
	if len(r.ran) > 0 && chosen != current {
		r.bound.Switches++
		if slices.Contains(enabled, current) {
			r.bound.Preemptions++
		}
	}
	r.current.host.observe(chosen)
	r.ran = append(r.ran, chosen.Name())
	if r.onStep != nil {
		r.onStep(chosen)
	}
	return chosen
}

// misfit records that the schedule does not fit the program. The first place counts.
func (r *replay) misfit(format string, args ...any) {
	if r.mismatch == nil {
		r.mismatch = fmt.Errorf("the schedule does not fit: "+format, args...)
	}
}

// unknownTask records that the schedule's task is not enabled.
func (r *replay) unknownTask(name string) {
	var known []string
	for _, t := range r.current.allTasks() {
		known = append(known, t.Name)
	}
	if !slices.Contains(known, strings.TrimSuffix(name, ".buffer")) {
		r.misfit("there is no task %q, but %s", name, strings.Join(known, ", "))
	}
	r.misfit("step %d of it asks for %s, which is not enabled there", r.at, name)
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
