package explore

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/sim"
)

// A generated program is a list of words for each task. Its tasks use every primitive of
// package sim on a few shared structures, so that a mistake about any of them in the
// reductions shows as an outcome that is missing, or that no interleaving has. An outcome
// is all that the tasks found, and the final content of memory.

// generated is a program with its options.
type generated struct {
	tasks    [][]string
	guards   bool     // locks say what they guard
	abstract abstract // how tasks declare their live state before each word
	refs     uint64   // initial references on each counted structure
	symmetry int      // the number of first tasks that are alike
	tso      bool
}

// abstract says how a task declares its live state.
type abstract int

const (
	keepHistory     abstract = iota
	replaceAll               // by [sim.Task.Abstract]
	replaceSinceTop          // by [sim.Task.AbstractSince] a bookmark before its first word
)

func (g generated) String() string {
	var b strings.Builder
	for i, words := range g.tasks {
		fmt.Fprintf(&b, "  %s: %s\n", faulterName(i), strings.Join(words, " "))
	}
	return fmt.Sprintf("guards=%v abstract=%v refs=%d symmetry=%d tso=%v\n%s", g.guards, g.abstract, g.refs, g.symmetry, g.tso, &b)
}

// arena is what the tasks of a generated program share.
type arena struct {
	words  [3]sim.Word
	mapped [2]sim.Word // each maps a byte
	bytes  [2]uint64
	spin   [2]sim.SpinLock
	sem    [2]sim.RWSem
	seq    sim.SeqCount
	queue  sim.WaitQueueHead
	held   sim.Word // written under spin[0]
	ref    sim.Ref[published]
	handle sim.Word // a handle of a task, or 0

	underSpin, underSem [2]uint64 // protected by the locks

	counted [2]*counted // the second has a reference on the first
	cells   []*cell     // one for each task
	tasks   []*performer
	handles []int // the task of each handle; handles are numbered from 1 in the order of creation
}

// counted is a structure with a reference count, freed with the last reference.
type counted struct {
	refs, x sim.Word
	freed   bool
}

// left returns the number of references, 99 if the structure is freed: what is in freed
// memory is no part of the state.
func (o *counted) left() uint64 {
	if o.freed {
		return 99
	}
	return o.refs.Peek()
}

// cell is a structure that belongs to a task.
type cell struct{ x sim.Word }

// published is a structure that a task creates and publishes.
type published struct{ x sim.Word }

// sleeper is an entry of arena.queue.
type sleeper struct{ entry sim.WaitQueueEntry }

var generatedClasses = [5]*sim.LockClass{
	{Name: "sem0", Rank: 1}, {Name: "sem1", Rank: 2}, {Name: "queue", Rank: 3}, {Name: "spin0", Rank: 4}, {Name: "spin1", Rank: 5},
}

// newArena creates the shared structures. The tasks are added to it when they are
// created, after this.
func (g generated) newArena(c *sim.Controlled) *arena {
	s := &arena{counted: [2]*counted{{}, {}}}
	sim.LabelIn(c, s, "shared", 0)
	for i, o := range s.counted {
		sim.LabelIn(c, o, "counted", uint64(i))
		o.refs.Init(g.refs)
	}
	for i := range g.tasks {
		s.cells = append(s.cells, &cell{})
		sim.LabelIn(c, s.cells[i], faulterName(i)+"'s cell", uint64(i+firstTask)<<32)
	}
	for i := range 2 {
		s.sem[i].Init(generatedClasses[i])
		s.spin[i].Init(generatedClasses[3+i])
		if g.guards {
			s.spin[i].Guards(func(x *sim.Summary) { x.Add(s.underSpin[i]) })
			s.sem[i].Guards(func(x *sim.Summary) { x.Add(s.underSem[i]) })
		}
	}
	s.queue.Init(generatedClasses[2])
	s.queue.Lock.Guards(s.queue.SumUp)
	return s
}

// outcome returns the outcome of a run whose tasks have all ended or sleep. The results
// of tasks that are alike are in ascending order, and memory has nothing that tells them
// apart.
func (g generated) outcome(s *arena) string {
	var results []string
	for _, p := range s.tasks {
		if p.ended {
			results = append(results, p.saw.String()+".")
		} else {
			results = append(results, p.saw.String()+"asleep")
		}
	}
	slices.Sort(results[:g.symmetry])
	memory := strings.Join(results, " ")
	for _, v := range []uint64{
		s.bytes[0], s.bytes[1], s.held.Peek(), s.counted[0].left(), s.counted[1].left(),
		s.words[0].Peek(), s.words[1].Peek(), s.words[2].Peek(),
		s.underSpin[0], s.underSpin[1], s.underSem[0], s.underSem[1],
	} {
		memory += " " + strconv.FormatUint(v, 10)
	}
	return memory
}

// performer runs a task's words.
type performer struct {
	*sim.Task
	s       *arena
	own     int // the task's index
	peer    int // that of its peer, which it wakes, and whose cell it reads
	value   uint64
	last    uint64 // that it found
	release []func(*sim.Task)
	saw     strings.Builder // all that it found
	ended   bool
}

// newPerformer adds a task's performer to the arena.
func (g generated) newPerformer(s *arena) *performer {
	i := len(s.tasks)
	p := &performer{s: s, own: i, peer: (i + 1) % len(g.tasks), value: uint64(i + 1), last: 99}
	if g.symmetry > 0 { // nothing may tell the tasks apart that are alike
		p.peer = i
		if i < g.symmetry {
			p.value = 1
		}
		if i < g.symmetry && g.symmetry == 2 {
			p.peer = 1 - i
		}
	}
	s.tasks = append(s.tasks, p)
	return p
}

func (p *performer) see(v uint64) {
	p.last = v
	p.saw.WriteString(strconv.FormatUint(v, 10) + ",")
}

// named returns the task that a word names: 9 is the peer.
func (p *performer) named(n int) *sim.Task {
	if n == 9 {
		n = p.peer
	}
	return p.s.tasks[n].Task
}

// run performs the task's words. "ifN" skips the next word unless the task found N last.
func (g generated) run(p *performer, words []string) {
	top := p.Bookmark()
	for at := 0; at < len(words); at++ {
		g.declare(p, top, at)
		verb := strings.TrimRight(words[at], "0123456789")
		n, _ := strconv.Atoi(words[at][len(verb):])
		if verb == "if" {
			if p.last != uint64(n) {
				at++
			}
			continue
		}
		verbs[verb].do(p, n)
	}
	p.ended = true
}

// declare declares the task's live state before the word with the index. What a lock
// without Guards protects is live while the task holds the lock, and is not declared.
func (g generated) declare(p *performer, top sim.Bookmark, at int) {
	if !g.guards && len(p.release) > 0 {
		return
	}
	switch g.abstract {
	case replaceAll:
		p.Abstract(func(int) uint64 {
			h := fnv.New64a()
			fmt.Fprint(h, at, p.saw.String(), p.last)
			return h.Sum64()
		})
	case replaceSinceTop:
		p.AbstractSince(top, fmt.Sprint(at), func(s *sim.Summary) {
			for _, c := range []byte(p.saw.String()) {
				s.Add(uint64(c))
			}
			s.Add(p.last)
		})
	}
}

// generatedProgram makes a generated program one that searches accept. Its outcomes begin
// with "all=", except for those of runs that went wrong.
type generatedProgram struct {
	Standalone
	g generated
}

func (g generated) program() *generatedProgram {
	p := &generatedProgram{Standalone{Name: "generated"}, g}
	p.Tasks = func(r *Run) {
		s := g.newArena(r.exec)
		for i, words := range g.tasks {
			p := g.newPerformer(s)
			task := r.Go(faulterName(i), func(*sim.Task) string {
				g.run(p, words)
				return p.saw.String() // which Go declares to be the live state of a task that has ended
			})
			p.Task, task.Sleeper = task.sim, true
		}
		r.AtEnd(func() error {
			for _, t := range r.tasks {
				t.ended, t.Outcome = true, ""
			}
			r.tasks = append(r.tasks, &Task{Name: "all", Outcome: g.outcome(s), ended: true})
			return nil
		})
	}
	return p
}

// symmetryGroup permutes the tasks that are alike.
func (p *generatedProgram) symmetryGroup(*Options) ([]sim.Permutation, [][]int) {
	return symmetryGroup(OwnPage, max(p.g.symmetry, 1))
}

// newRun sets the number of tasks that are alike.
func (p *generatedProgram) newRun(f *factory, strategy sim.Strategy, opts *Options) (*Run, error) {
	r, err := p.Standalone.newRun(f, strategy, opts)
	r.alike = p.g.symmetry
	return r, err
}
