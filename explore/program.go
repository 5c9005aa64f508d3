package explore

import "github.com/uffdsim/uffdsim/sim"

// Program is a program whose interleavings are explored: a [Setup], whose tasks make
// system calls on the modelled machine, or a [Standalone], whose tasks use package sim
// alone.
type Program interface {
	// name returns the program's name for messages.
	name() string
	// complete sets the options that are not set and that the program has defaults for.
	complete(opts *Options)
	// symmetryGroup returns the permutations of the tasks that the search exploits: for
	// the executor's fingerprints, and as permutations of the tasks' indexes, both in the
	// same order. The identity is the first.
	symmetryGroup(opts *Options) (perms []sim.Permutation, taskPerms [][]int)
	// newRun prepares a run up to the point where its tasks are created.
	newRun(f *factory, strategy sim.Strategy, opts *Options) (*Run, error)
}

// host is what a kind of program adds to a run.
type host interface {
	// start creates the tasks.
	start()
	// observe is called before a task, or its store buffer, takes its step.
	observe(chosen *sim.Task)
	// addState adds to the fingerprints what observe has recorded.
	addState(fingerprints []uint64)
	// watched returns the word that observe depends on, nil if it does nothing.
	watched() *sim.Word
	// checkFinal checks the final state.
	checkFinal() error
	// recycle makes the run's memory available to the next run.
	recycle()
}

// Standalone is a program without a machine: it has no process and no userfaultfd. Its
// tasks share data through package sim alone: words, locks, wait queues.
type Standalone struct {
	Name string
	// Doc describes the program in a line.
	Doc string
	// Tasks creates the shared structures, labels them ([Run.Label]), and creates the
	// tasks ([Run.Go]). It is called for each run, maybe by several goroutines at a time,
	// and must do the same each time.
	Tasks func(r *Run)
}

func (p *Standalone) name() string      { return p.Name }
func (p *Standalone) complete(*Options) {}

// symmetryGroup runs Tasks once to get the groups of interchangeable tasks.
func (p *Standalone) symmetryGroup(opts *Options) ([]sim.Permutation, [][]int) {
	if !opts.TSO {
		f := newFactory()
		defer f.close()
		if r, err := p.newRun(f, sim.NewRandom(0), opts); err == nil {
			defer r.discard()
			r.host.start()
			if r.groups != nil {
				return r.symmetryGroup()
			}
		}
	}
	return []sim.Permutation{{}}, [][]int{nil}
}

func (p *Standalone) newRun(f *factory, strategy sim.Strategy, opts *Options) (*Run, error) {
	h := &standaloneHost{program: p}
	h.run = f.newRun(strategy, opts, h)
	h.run.firstID = firstTask
	h.run.exec.SkipIDs(firstTask)
	return h.run, nil
}

// standaloneHost is the host of a Standalone's run.
type standaloneHost struct {
	program *Standalone
	run     *Run
}

func (h *standaloneHost) start()             { h.program.Tasks(h.run) }
func (h *standaloneHost) observe(*sim.Task)  {}
func (h *standaloneHost) addState([]uint64)  {}
func (h *standaloneHost) watched() *sim.Word { return nil }
func (h *standaloneHost) recycle()           {}
func (h *standaloneHost) checkFinal() error  { return nil }
