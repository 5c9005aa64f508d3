package explore

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// Reason is the reason why a fault of a run ended with SIGBUS.
type Reason struct {
	Task string
	// Rule is the number of the rule that allows it, or, if none does, of the one that it
	// violates; "" if the SIGBUS has another cause than a close or a wake-up.
	Rule    string
	Allowed bool
	Why     string
}

// String returns the reason in a line.
func (r Reason) String() string {
	text := "of another cause"
	switch {
	case r.Rule != "" && r.Allowed:
		text = "allowed on this kernel, " + r.Rule
	case r.Rule != "":
		text = "not allowed, " + r.Rule
	}
	return fmt.Sprintf("%s got SIGBUS: %s (%s)", r.Task, text, r.Why)
}

// Reasons replays a schedule, and returns the reason of each SIGBUS, in order.
func Reasons(program Program, opts Options, schedule Schedule) ([]Reason, error) {
	w := &witness{tasks: map[string]*faultHistory{}}
	profile, err := opts.profile()
	if err != nil {
		return nil, err
	}
	r := &replay{schedule: schedule, trace: sim.NewTracer(w.event)}
	r.onStep = func(t *sim.Task) { w.step(t, r.current.exec.ObjectName(t.Next().Obj)) }
	if _, err := r.run(program, opts, func(*Run) {}); err != nil {
		return nil, err
	}
	var reasons []Reason
	for _, end := range w.ended {
		reasons = append(reasons, end.reason(refusesReleased(&profile), triesOnce(&profile)))
	}
	return reasons, nil
}

// witness follows the faults of a run.
type witness struct {
	released bool // a context has been marked as released
	tasks    map[string]*faultHistory
	ended    []faultHistory // with SIGBUS
}

// faultHistory is what a fault has done so far.
type faultHistory struct {
	task      string
	announced bool // it has set a sleeping state
	looked    bool // it has then found the context not released
	safe      bool // it had done both when the release began
	slept     bool
	refused   bool // its last look has found the context released
}

// step is called before a task takes its step.
func (w *witness) step(t *sim.Task, object string) {
	h := w.of(t.Name())
	released := strings.HasSuffix(object, ".released")
	switch op := t.Next().Op; {
	case op == sim.OpSetState:
		h.announced = true
	case op == sim.OpSchedule:
		h.slept = true
	case released && op == sim.OpStore:
		w.released = true
		for _, other := range w.tasks {
			other.safe = other.looked
		}
	case released:
		h.refused = w.released
		h.looked = h.looked || h.announced && !w.released
	}
}

// event receives the events of the run.
func (w *witness) event(e sim.Event) {
	switch {
	case e.Kind == "fault_begin":
		*w.of(e.Task) = faultHistory{task: e.Task}
	case e.Kind == "fault_end" && fmt.Sprint(e.Args[0].Value) == "SIGBUS":
		w.ended = append(w.ended, *w.of(e.Task))
	}
}

func (w *witness) of(task string) *faultHistory {
	if w.tasks[task] == nil {
		w.tasks[task] = &faultHistory{task: task}
	}
	return w.tasks[task]
}

// reason returns the reason why the fault ended with SIGBUS.
func (h *faultHistory) reason(refusesReleased, triesOnce bool) Reason {
	switch {
	case h.safe:
		return Reason{h.task, "REL-9", false, "it slept when the close began, and should get its page"}
	case h.refused && refusesReleased:
		return Reason{h.task, "REL-10", true, "it came while the context was being closed"}
	case h.slept && triesOnce:
		return Reason{h.task, "FAULT-13", true, "it was woken without a page, and a fault may sleep only once"}
	case h.slept:
		return Reason{h.task, "FAULT-13", false, "it was woken without a page, and should sleep again"}
	}
	return Reason{Task: h.task, Why: "neither a close nor a wake-up"}
}
