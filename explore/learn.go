package explore

import (
	"errors"
	"slices"

	"github.com/uffdsim/uffdsim/explore/lts"
	"github.com/uffdsim/uffdsim/sim"
)

// learner is the strategy of a run that learns transitions: the run follows a path, and
// continues as a random walk.
type learner struct {
	*worker
	run   *Run
	path  []node
	pct   *pct
	mover int             // the task that takes a step, -1 if none
	steps int             // completed
	met   map[uint64]bool // hashes of the states late in a long walk
	err   error
}

// learnt is what a run has shown.
type learnt struct {
	more    bool   // the search goes on
	failed  bool   // the last step of the path, or the final state, was wrong, but does not count as a failure
	outcome string // of the run
	edges   bool   // the control-flow graph has new edges
	wrong   bool   // they invalidate an assumption
}

// learn runs the program along the path and then as a random walk, and adds what that
// shows to the system of transitions and to the control-flow graph.
func (w *worker) learn(path []node) (r learnt) {
	w.graph.Lock()
	defer w.graph.Unlock()
	w.schedule = w.schedule[:0]
	l := &learner{worker: w, path: path, mover: -1}
	run, err := w.program.newRun(w.factory, l, &w.opts)
	if err != nil {
		w.fail(err, nil)
		return r
	}
	defer run.discard()
	run.enableFingerprints(w.perms, w.taskPerms)
	run.host.start()
	if len(run.tasks) > firstBuffer {
		w.fail(w.tooManyTasks(), nil)
		return r
	}
	if run.invariants != nil {
		w.reexecute()
		return r
	}
	w.beginSystem(run)
	if w.recorder == nil {
		w.recorder = lts.NewRecorder(w.system)
	}
	l.run, w.firstID = run, run.firstID
	l.pct = newPCT(w.rng, 1+w.rng.IntN(8), max(w.longest, 100))
	l.err = l.recorder.Begin(run.exec, run.simTasks())
	failure := run.exec.Settle()
	if failure == nil && l.err == nil {
		l.finishStep()
	}
	w.longest = max(w.longest, len(w.schedule))
	w.stats.Runs++
	w.stats.Steps += l.steps
	r.edges, r.wrong = w.addTransitions(l.recorder.Added())
	if l.err != nil {
		w.fail(l.err, nil)
		return r
	}
	if failure == nil {
		failure = run.check()
	}
	r.outcome = run.Outcome()
	if failure == nil && l.steps == len(path) {
		w.mu.Lock()
		w.addFinalState(run)
		w.mu.Unlock()
	}
	if failure != nil && !errors.Is(failure, sim.ErrAbandoned) {
		if w.opts.ignored == nil || !w.opts.ignored(w.schedule) {
			w.fail(nil, &Failure{Err: failure, Schedule: slices.Clone(w.schedule)})
			return r
		}
		r.failed = len(path) > 0 && len(w.schedule) == len(path)
	}
	r.more = !w.stopped()
	return r
}

// Pick implements [sim.Strategy].
func (l *learner) Pick(enabled []*sim.Task, _ *sim.Task) *sim.Task {
	if l.run == nil {
		return enabled[0] // the setup of the machine
	}
	l.finishStep()
	if l.err != nil {
		return nil
	}
	if slices.ContainsFunc(enabled, func(t *sim.Task) bool { return t.Next().Op == sim.OpChoose || t.Next().Op == sim.OpClone }) {
		l.reexecute()
		return nil
	}
	var chosen *sim.Task
	if l.steps < len(l.path) {
		i := l.path[l.steps].chosen
		if chosen = l.taskAt(enabled, i); chosen == nil {
			l.err = &lts.HiddenError{Task: l.run.tasks[i].Name, What: "is not enabled where it should be"}
			return nil
		}
	} else if l.repeats() {
		return nil // the walk need not end
	} else {
		chosen = l.pct.pick(enabled)
	}
	l.run.host.observe(chosen)
	l.mover = l.indexOf(chosen)
	l.schedule = append(l.schedule, chosen.Name())
	return chosen
}

// repeats reports whether the walk is long and has come back to an earlier state. If a
// loop makes states that never repeat, the run does not settle.
func (l *learner) repeats() bool {
	const long = 2000
	if l.steps < len(l.path)+long {
		return false
	}
	if l.met == nil {
		l.met = map[uint64]bool{}
	}
	l.hashes = l.run.fingerprints(l.hashes[:0])
	if l.met[l.hashes[0]] {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.intoCycle == nil {
			l.intoCycle = slices.Clone(l.schedule)
		}
		return true
	}
	l.met[l.hashes[0]] = true
	return false
}

// finishStep records the step that a task has completed.
func (l *learner) finishStep() {
	if l.mover >= 0 && l.err == nil {
		l.err = l.recorder.Step(l.mover, l.run.tasks[l.mover].Outcome)
		l.mover = -1
		l.steps++
	}
}

// beginSystem creates the system of transitions at the first run.
func (w *worker) beginSystem(run *Run) {
	if w.system != nil {
		return
	}
	images := make([][]int, len(run.tasks))
	for i := range run.tasks {
		for _, to := range w.taskPerms {
			images[i] = append(images[i], imageOf(i, to))
		}
		w.names = append(w.names, run.tasks[i].Name)
	}
	if word := run.host.watched(); word != nil {
		w.watched = w.graph.numberOf(run.exec.Identity(word))
	}
	w.search.system = lts.New(len(w.perms), images)
}

// addTransitions adds to the control-flow graph what a run has shown. It reports whether
// there were new edges, and whether they have invalidated an assumption.
func (w *worker) addTransitions(added []lts.Added) (edges, wrong bool) {
	var records []edgeRecord
	for _, a := range added {
		if a.To.Ended {
			continue
		}
		e := edgeRecord{To: w.pointKeys(a.To)}
		if a.From != nil {
			e.From = w.pointKeys(a.From)
			switch a.From.Op {
			case sim.OpLock, sim.OpDownRead, sim.OpDownWrite:
				e.Acquires = true
			case sim.OpPut:
				e.Acquires = a.Found == 1 // it dropped the last reference
			}
		}
		records = append(records, e)
	}
	if len(records) > 0 {
		edges, wrong = w.addEdges(records)
	}
	for _, a := range added {
		w.addSite(a.To)
	}
	return edges, wrong
}

// addSite computes the site of a local.
func (w *worker) addSite(l *lts.Local) {
	for len(w.sites) <= l.Index {
		w.search.sites = append(w.sites, site{})
	}
	if p := &w.sites[l.Index]; p.point == nil && !l.Ended {
		p.point = w.graph.points[w.pointKey(l, 0)]
		p.step = p.point.step
		p.acquire, p.exclude = w.graph.lockBits(p.step)
	}
}

// pointKeys returns the orbit of a local's program point.
func (w *worker) pointKeys(l *lts.Local) []pointKey {
	keys := make([]pointKey, len(w.taskPerms))
	for k := range keys {
		keys[k] = w.pointKey(l, k)
	}
	return keys
}

// pointKey returns the key of a local's program point under a permutation.
func (w *worker) pointKey(l *lts.Local, k int) pointKey {
	return pointKey{
		Task: imageOf(l.Task, w.taskPerms[k]), Abstraction: l.Abstraction[k], Steps: l.Steps,
		Op: l.Op, Obj: sim.ObjectID(l.Obj.IDs[k]), In: sim.ObjectID(l.Obj.In[k]),
		PrevOp: l.PrevOp, PrevObj: sim.ObjectID(l.PrevObj[k]),
	}
}

// learnFirst makes random walks until they add no more edges to the control-flow graph.
func (w *worker) learnFirst() {
	const enough, most = 100, 4000
	for runs, quiet := 0, 0; runs < most && quiet < enough; runs++ {
		r := w.learn(nil)
		if !r.more || !w.addStats(w) {
			break
		}
		quiet++
		if r.edges {
			quiet = 0
		}
	}
}

// walkFrom makes some further random walks from the end of a path at which the graph had
// to be extended. It reports whether they have invalidated an assumption.
func (w *worker) walkFrom(path []node) (wrong bool) {
	const walks = 8
	for range walks {
		r := w.learn(path)
		wrong = wrong || r.wrong
		if !r.more {
			break
		}
	}
	return wrong
}
