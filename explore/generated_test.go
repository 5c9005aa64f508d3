package explore

import (
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
)

// A generated program is a list of words for each task. Its tasks use every primitive of
// package sim on a few shared structures, so that a mistake about any of them in the
// reductions shows as an outcome that is missing, or that no interleaving has.

// arena is what the tasks of a generated program share.
type arena struct {
	words [3]sim.Word
	spin  [2]sim.SpinLock
	sem   [2]sim.RWSem
	seq   sim.SeqCount
	queue sim.WaitQueueHead

	underSpin, underSem [2]uint64 // protected by the locks
}

// counted is a structure with a reference count, freed with the last reference.
type counted struct {
	refs sim.Word
	x    sim.Word
}

// sleeper is an entry of arena.queue.
type sleeper struct{ entry sim.WaitQueueEntry }

var generatedClasses = [5]*sim.LockClass{
	{Name: "sem0", Rank: 1}, {Name: "sem1", Rank: 2}, {Name: "queue", Rank: 3}, {Name: "spin0", Rank: 4}, {Name: "spin1", Rank: 5},
}

// generated is a program with its options.
type generated struct {
	tasks     [][]string
	guards    bool // locks say what they guard
	abstracts bool // tasks declare their live state before each word
	refs      uint64
	symmetry  int // the number of first tasks that are alike
	tso       bool
}

func (g generated) String() string {
	var b strings.Builder
	for i, words := range g.tasks {
		fmt.Fprintf(&b, "  %s: %s\n", faulterName(i), strings.Join(words, " "))
	}
	return fmt.Sprintf("guards=%v abstracts=%v refs=%d symmetry=%d tso=%v\n%s", g.guards, g.abstracts, g.refs, g.symmetry, g.tso, &b)
}

// performer runs a task's words.
type performer struct {
	*sim.Task
	s       *arena
	o       *counted
	w       *World
	value   uint64 // that the task stores
	last    uint64 // that it found
	release []func(*sim.Task)
	saw     strings.Builder // all that it found: the outcome
}

func (p *performer) see(v uint64) {
	p.last = v
	fmt.Fprint(&p.saw, v, ",")
}

func (p *performer) put() {
	if p.o.refs.Dec(p.Task) == 0 {
		sim.Kfree(p.Task, p.o)
	}
}

// sleepUnless sleeps until it is woken if the word is 0.
func (p *performer) sleepUnless(w *sim.Word) {
	p.SetState(sim.Interruptible)
	if w.Load(p.Task) == 0 {
		p.Schedule()
		fmt.Fprint(&p.saw, "slept,")
	}
	p.SetRunning()
}

// verbs are the words of a program, each with a number behind it.
var verbs = map[string]func(p *performer, n int){
	"load":   func(p *performer, n int) { p.see(p.s.words[n].Load(p.Task)) },
	"store":  func(p *performer, n int) { p.s.words[n].Store(p.Task, p.value) },
	"atonce": func(p *performer, n int) { p.s.words[n].StoreAtOnce(p.Task, p.value) },
	"cas": func(p *performer, n int) {
		if p.s.words[n].Cmpxchg(p.Task, 0, p.value) {
			p.see(7)
		}
	},
	"touch":  func(p *performer, n int) { p.s.words[n].Touch(p.Task, false) },
	"mb":     func(p *performer, _ int) { p.SmpMb() },
	"get":    func(p *performer, _ int) { p.o.refs.Inc(p.Task) },
	"put":    func(p *performer, _ int) { p.put() },
	"count":  func(p *performer, _ int) { p.see(p.o.refs.Load(p.Task)) },
	"loadx":  func(p *performer, _ int) { p.see(p.o.x.Load(p.Task)) },
	"storex": func(p *performer, _ int) { p.o.x.Store(p.Task, p.value) },
	"getnz": func(p *performer, _ int) {
		if p.o.refs.IncNotZero(p.Task) {
			p.see(p.o.x.Load(p.Task))
			p.put()
		}
	},
	"spin": func(p *performer, n int) {
		p.s.spin[n].Lock(p.Task)
		p.release = append(p.release, p.s.spin[n].Unlock)
	},
	"down_read": func(p *performer, n int) {
		p.s.sem[n].DownRead(p.Task)
		p.release = append(p.release, p.s.sem[n].UpRead)
	},
	"down_write": func(p *performer, n int) {
		p.s.sem[n].DownWrite(p.Task)
		p.release = append(p.release, p.s.sem[n].UpWrite)
	},
	"release": func(p *performer, _ int) {
		last := len(p.release) - 1
		p.release[last](p.Task)
		p.release = p.release[:last]
	},
	"readspin":  func(p *performer, n int) { p.see(p.s.underSpin[n]) },
	"writespin": func(p *performer, n int) { p.s.underSpin[n] = p.s.underSpin[n]*2 + p.value },
	"readsem":   func(p *performer, n int) { p.see(p.s.underSem[n]) },
	"writesem":  func(p *performer, n int) { p.s.underSem[n] = p.s.underSem[n]*2 + p.value },
	"wait":      func(p *performer, n int) { p.sleepUnless(&p.s.words[n]) },
	"wake": func(p *performer, n int) {
		fmt.Fprint(&p.saw, p.WakeUpState(p.w.tasks[n].sim, sim.Normal), ",")
	},
	"signal":  func(p *performer, n int) { p.Signal(p.w.tasks[n].sim, sim.SignalOrdinary) },
	"pending": func(p *performer, _ int) { fmt.Fprint(&p.saw, p.SignalPending(), ",") },
	"take":    func(p *performer, _ int) { p.TakeSignals() },
	"queue": func(p *performer, _ int) {
		e := &sleeper{}
		sim.Label(p.Task, e, p.Name()+"'s sleeper", p.Unique())
		e.entry.Task, e.entry.Func = p.Task, sim.DefaultWakeFunction
		head := &p.s.queue
		head.Lock.Lock(p.Task)
		head.Add(p.Task, &e.entry)
		head.Lock.Unlock(p.Task)
		p.sleepUnless(&p.s.words[2])
		head.Lock.Lock(p.Task)
		head.Del(p.Task, &e.entry)
		head.Lock.Unlock(p.Task)
	},
	"wakequeue": func(p *performer, _ int) {
		p.s.words[2].Store(p.Task, p.value)
		p.s.queue.WakeUpKey(p.Task, sim.Normal, sim.Key{})
	},
	"seqwrite": func(p *performer, _ int) {
		p.s.spin[0].Lock(p.Task)
		p.s.seq.WriteBegin(p.Task)
		p.s.words[0].Store(p.Task, p.value)
		p.s.words[1].Store(p.Task, p.value)
		p.s.seq.WriteEnd(p.Task)
		p.s.spin[0].Unlock(p.Task)
	},
	"seqread": func(p *performer, _ int) {
		for range 2 {
			n := p.s.seq.ReadBegin(p.Task)
			x, y := p.s.words[0].Load(p.Task), p.s.words[1].Load(p.Task)
			if !p.s.seq.ReadRetry(p.Task, n) {
				p.see(x)
				p.see(y)
				return
			}
		}
	},
	"announce": func(p *performer, _ int) { p.SetState(sim.Interruptible) }, // and goes on, or ends
}

// run performs a task's words and returns all that it saw. "ifN" skips the next word
// unless the task found N last.
func (g generated) run(p *performer, words []string) string {
	for at := 0; at < len(words); at++ {
		if g.abstracts {
			p.Abstract(func(int) uint64 {
				h := fnv.New64a()
				fmt.Fprint(h, at, p.saw.String(), p.last)
				return h.Sum64()
			})
		}
		word := words[at]
		verb := strings.TrimRight(word, "0123456789")
		n, _ := strconv.Atoi(word[len(verb):])
		if verb == "if" {
			if p.last != uint64(n) {
				at++
			}
			continue
		}
		verbs[verb](p, n)
	}
	return p.saw.String() + "."
}

// setup makes the program a setup.
func (g generated) setup() *Setup {
	setup := &Setup{Name: "generated", Faulters: max(g.symmetry, 1)}
	if g.symmetry > 0 {
		setup.Symmetry = SamePage
	}
	setup.Tasks = func(w *World) {
		s, o := &arena{}, &counted{}
		sim.LabelIn(w.exec, s, "shared", 0)
		sim.LabelIn(w.exec, o, "counted", 0)
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
		o.refs.Init(g.refs)
		for i, words := range g.tasks {
			value := uint64(i + 1)
			if i < g.symmetry {
				value = 1
			}
			w.Go(faulterName(i), func(t *machine.Task) string {
				return g.run(&performer{Task: t.Task, s: s, o: o, w: w, value: value, last: 99}, words)
			}).Sleeper = true
		}
	}
	return setup
}

// phrases are what a task's words are drawn from, by the primitive that a program is
// about. "@" is replaced by 0 or 1, and "#" by the number of a task.
var phrases = map[string][]string{
	"words": {"load@", "load2", "store@", "store@", "atonce@", "cas@", "mb", "touch@"},
	"spinlocks": {
		"load@", "store@", "spin0 readspin0 release", "spin0 writespin0 release", "spin1 writespin1 load@ release",
		"spin0 store@ release", "spin0 readspin0 spin1 readspin1 release release", "spin0 writespin0 spin1 writespin1 release release",
	},
	"semaphores": {
		"load@", "store@", "down_read0 readsem0 release", "down_write0 writesem0 release", "down_read1 load@ release",
		"down_write1 writesem1 store@ release", "down_read0 readsem0 down_write1 writesem1 release release",
		"down_write0 down_read1 readsem1 release release", "down_read0 spin1 readspin1 release release",
	},
	"references": {
		"get", "put", "put", "getnz", "loadx", "storex", "count", "load@", "spin0 put release",
		"down_read0 loadx release", "down_write0 put release", "getnz put",
	},
	"sleeping": {
		"wait@", "wake#", "store@ wake#", "queue", "wakequeue", "signal#", "pending", "take", "load@", "announce", "wake#",
	},
	"sequence counts": {"seqwrite", "seqread", "load@", "store@"},
}

// generate draws a program with tasks of up to words words each.
func generate(rng *rand.Rand, tasks, words int) generated {
	kinds := slices.Sorted(maps.Keys(phrases))
	kind := ""
	if n := rng.IntN(len(kinds) + 1); n < len(kinds) {
		kind = kinds[n] // else a mixture
	}
	g := generated{guards: rng.IntN(2) == 0, abstracts: rng.IntN(3) == 0, refs: 1 + rng.Uint64N(2)}
	draw := func(own int) (all []string) {
		for n := (words+1)/2 + rng.IntN((words+1)/2+1); len(all) < n; {
			from := phrases[kind]
			if kind == "" {
				from = phrases[kinds[rng.IntN(len(kinds))]]
			}
			phrase := strings.ReplaceAll(from[rng.IntN(len(from))], "@", strconv.Itoa(rng.IntN(2)))
			phrase = strings.ReplaceAll(phrase, "#", strconv.Itoa(rng.IntN(tasks)))
			all = append(all, strings.Fields(phrase)...)
			if rng.IntN(4) == 0 {
				all = append(all, fmt.Sprint("if", rng.IntN(3)), fmt.Sprint("store", rng.IntN(2)))
			}
		}
		return all
	}
	for i := range tasks {
		g.tasks = append(g.tasks, draw(i))
	}
	switch rng.IntN(4) {
	case 0:
		g.tso = true
	case 1: // the first two tasks are alike; they may not name tasks
		if !strings.Contains(strings.Join(slices.Concat(g.tasks...), " "), "wake") &&
			!strings.Contains(strings.Join(slices.Concat(g.tasks...), " "), "signal") {
			g.symmetry, g.tasks[1] = 2, g.tasks[0]
		}
	}
	return g
}
