package trace

import (
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/sim"
)

// Recorder builds a stream.
type Recorder struct {
	Stream Stream
	op     int
}

// Begin records the start of the run: the kernel, the seed, the source and the text.
func (r *Recorder) Begin(kernel string, seed uint64, source, text string) {
	r.add(Event{Kind: "run_begin", Args: Args{
		{Key: "kernel", Value: kernel}, {Key: "seed", Value: int(seed)}, {Key: "source", Value: source},
		{Key: "lines", Value: strings.Split(strings.TrimSuffix(text, "\n"), "\n")},
	}})
}

// Statement records the events of a statement, and its result.
func (r *Recorder) Statement(res *scenario.Result) {
	r.op++
	begin, end := Event{Kind: "op_begin", Op: r.op, Object: res.Op}, Event{Kind: "op_end", Op: r.op, Object: res.Op}
	begin.Args = Args{{Key: "line", Value: res.Line}, {Key: "text", Value: res.Op}, {Key: "as", Value: res.Task}}
	r.add(begin)
	for _, e := range res.Events {
		r.Event(e)
	}
	block := res.Block
	if block == nil {
		block = []string{}
	}
	end.Args = Args{
		{Key: "line", Value: res.Line}, {Key: "answer", Value: res.Answer}, {Key: "block", Value: block},
		{Key: "ok", Value: res.OK}, {Key: "as", Value: res.Task}, {Key: "name", Value: res.Name},
	}
	r.add(end)
}

// Event records an event of the machine.
func (r *Recorder) Event(e sim.Event) {
	args := make(Args, len(e.Args))
	for i, a := range e.Args {
		args[i] = sim.Arg{Key: a.Key, Value: value(a.Value)}
	}
	event := Event{Op: r.op, Task: e.Task, Func: e.Func, Rule: e.Rule, Kind: e.Kind, Object: e.Object, Args: args}
	if event.Rule == "" {
		event.Rule = reasonOf(&event).rule
	}
	r.add(event)
}

// End records the end of the run. finding is the bug that ended it, "" for none.
func (r *Recorder) End(ok bool, finding string) {
	r.op = 0
	r.add(Event{Kind: "run_end", Args: Args{{Key: "ok", Value: ok}, {Key: "finding", Value: finding}}})
}

// Outcome records the end of a run of the explorer: its outcome, and its failure, nil for
// none.
func (r *Recorder) Outcome(outcome string, failure error) {
	if failure == nil {
		r.End(true, "")
		return
	}
	r.End(false, failure.Error()+" ("+outcome+")")
}

func (r *Recorder) add(e Event) {
	e.Seq = len(r.Stream) + 1
	r.Stream = append(r.Stream, e)
}

// Of runs a session to its end and returns the stream. The session must have been opened
// with Options.Trace. text is the text of the scenario. An error is a mistake in the
// scenario, or what each returned; the stream and the report then cover the run up to it.
func Of(session *scenario.Session, source, text string, seed uint64, each func(*scenario.Result) error) (Stream, *scenario.Report, error) {
	var r Recorder
	r.Begin(session.Kernel(), seed, source, text)
	report, err := session.Run(func(res *scenario.Result) error {
		r.Statement(res)
		if each == nil {
			return nil
		}
		return each(res)
	})
	if err != nil {
		r.End(false, err.Error())
		return r.Stream, report, err
	}
	finding := ""
	if f := report.Finding(); f != nil {
		finding = f.What
	}
	r.End(len(report.Failures()) == 0, finding)
	return r.Stream, report, nil
}
