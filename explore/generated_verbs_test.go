package explore

import (
	"fmt"

	"github.com/uffdsim/uffdsim/sim"
)

// verb is a word of a program without the number behind it.
type verb struct {
	steps int // about as many visible steps it takes
	do    func(p *performer, n int)
}

var verbs = map[string]verb{
	// Words of memory.
	"load":   {1, func(p *performer, n int) { p.see(p.s.words[n].Load(p.Task)) }},
	"fetch":  {1, func(p *performer, n int) { p.last = p.s.words[n].Load(p.Task) }}, // may turn out dead
	"forget": {0, func(p *performer, _ int) { p.last = 99 }},
	"copy":   {1, func(p *performer, n int) { p.s.words[n].Store(p.Task, p.last) }},
	"store":  {1, func(p *performer, n int) { p.s.words[n].Store(p.Task, p.value) }},
	"clear":  {1, func(p *performer, n int) { p.s.words[n].Store(p.Task, 0) }},
	"atonce": {1, func(p *performer, n int) { p.s.words[n].StoreAtOnce(p.Task, p.value) }},
	"mb":     {1, func(p *performer, _ int) { p.SmpMb() }},
	"cas": {1, func(p *performer, n int) {
		if p.s.words[n].Cmpxchg(p.Task, 0, p.value) {
			p.see(7)
		} else {
			p.see(8)
		}
	}},
	"write": {1, func(p *performer, n int) { p.s.words[0].Store(p.Task, uint64(n)) }},
	"touch": {1, func(p *performer, n int) { p.s.mapped[n].Touch(p.Task, false); p.see(p.s.bytes[n]) }},
	"poke":  {1, func(p *performer, n int) { p.s.mapped[n].Touch(p.Task, true); p.s.bytes[n] = p.value }},

	"remap": {1, func(p *performer, n int) { p.s.mapped[n].StoreAtOnce(p.Task, p.value); p.s.bytes[n] = 0 }},

	// Structures of tasks, and handles of tasks. What a task finds must be the same if
	// tasks that are alike are exchanged.
	"loadown":  {1, func(p *performer, _ int) { p.see(p.s.cells[p.own].x.Load(p.Task)) }},
	"loadpeer": {1, func(p *performer, _ int) { p.see(p.s.cells[p.peer].x.Load(p.Task)) }},
	"storeown": {1, func(p *performer, _ int) { p.s.cells[p.own].x.Store(p.Task, p.value) }},
	"setpeer":  {1, func(p *performer, _ int) { p.s.cells[p.peer].x.Store(p.Task, p.value) }},
	"sethandle": {1, func(p *performer, _ int) {
		p.s.handles = append(p.s.handles, p.own)
		p.s.handle.StoreHandle(p.Task, uint64(len(p.s.handles)), func(s *sim.Summary) {
			s.Add(uint64(p.value))
			s.AddAddress(own(p.own))
		})
	}},
	"gethandle": {1, func(p *performer, _ int) {
		switch h := p.s.handle.Load(p.Task); {
		case h == 0:
			p.see(0)
		case p.s.handles[h-1] == p.own:
			p.see(1)
		default:
			p.see(1 + p.s.tasks[p.s.handles[h-1]].value)
		}
	}},
	"nohandle": {1, func(p *performer, _ int) { p.s.handle.StoreHandle(p.Task, 0, nil) }},

	// Structures that are created and freed.
	"publish": {1, func(p *performer, _ int) {
		n := &published{}
		sim.Label(p.Task, n, p.Name()+"'s node", p.Unique())
		n.x.Init(p.value)
		p.s.ref.Store(p.Task, n)
	}},
	"follow": {2, func(p *performer, _ int) {
		if n := p.s.ref.Load(p.Task); n != nil {
			p.see(n.x.Load(p.Task))
		}
	}},
	"overwrite": {2, func(p *performer, _ int) {
		if n := p.s.ref.Load(p.Task); n != nil {
			n.x.Store(p.Task, p.value)
		}
	}},
	"withdraw": {3, func(p *performer, _ int) {
		if n := p.s.ref.Load(p.Task); n != nil {
			p.s.ref.Store(p.Task, nil)
			sim.Kfree(p.Task, n)
		}
	}},
	"scratch": {2, func(p *performer, _ int) { // its next one has the same label
		n := &published{}
		sim.Label(p.Task, n, p.Name()+"'s scratch", uint64(p.ID())<<32)
		n.x.Store(p.Task, p.last)
		sim.Kfree(p.Task, n)
		sim.Retire(p.Task, n)
	}},

	// Reference counts.
	"get":      {1, func(p *performer, n int) { p.s.counted[n].refs.Inc(p.Task) }},
	"put":      {2, (*performer).put},
	"count":    {1, func(p *performer, n int) { p.see(p.s.counted[n].refs.Load(p.Task)) }},
	"drop":     {1, func(p *performer, n int) { fmt.Fprint(&p.saw, p.s.counted[n].refs.Dec(p.Task) == 0, ",") }}, // does not free
	"setcount": {1, func(p *performer, n int) { p.s.counted[n].refs.StoreAtOnce(p.Task, 5) }},
	"loadx":    {1, func(p *performer, n int) { p.see(p.s.counted[n].x.Load(p.Task)) }},
	"storex":   {1, func(p *performer, n int) { p.s.counted[n].x.Store(p.Task, p.value) }},
	"getnz": {3, func(p *performer, n int) {
		if o := p.s.counted[n]; o.refs.IncNotZero(p.Task) {
			p.see(o.x.Load(p.Task))
			p.put(n)
		}
	}},

	// Locks.
	"spin": {1, func(p *performer, n int) {
		p.s.spin[n].Lock(p.Task)
		p.release = append(p.release, p.s.spin[n].Unlock)
	}},
	"down_read": {1, func(p *performer, n int) {
		p.s.sem[n].DownRead(p.Task)
		p.release = append(p.release, p.s.sem[n].UpRead)
	}},
	"down_write": {1, func(p *performer, n int) {
		p.s.sem[n].DownWrite(p.Task)
		p.release = append(p.release, p.s.sem[n].UpWrite)
	}},
	"release": {1, func(p *performer, _ int) {
		last := len(p.release) - 1
		p.release[last](p.Task)
		p.release = p.release[:last]
	}},
	"readspin":  {0, func(p *performer, n int) { p.see(p.s.underSpin[n]) }},
	"writespin": {0, func(p *performer, n int) { p.s.underSpin[n] = p.s.underSpin[n]*2 + p.value }},
	"copyspin":  {0, func(p *performer, n int) { p.s.underSpin[n] = p.last }},
	"copysem":   {0, func(p *performer, n int) { p.s.underSem[n] = p.last }},
	"readsem":   {0, func(p *performer, n int) { p.see(p.s.underSem[n]) }},
	"writesem":  {0, func(p *performer, n int) { p.s.underSem[n] = p.s.underSem[n]*2 + p.value }},
	"storeheld": {1, func(p *performer, _ int) { p.s.held.Store(p.Task, p.value) }},
	"peekheld":  {0, func(p *performer, _ int) { p.see(p.s.held.PeekHeld(p.Task)) }},
	"storeunder": {3, func(p *performer, n int) {
		p.s.spin[n].Lock(p.Task)
		p.s.words[0].Store(p.Task, p.value)
		p.s.spin[n].Unlock(p.Task)
	}},
	"either": {4, func(p *performer, n int) { // with a lock held, or without
		if p.last == 0 {
			p.s.spin[n].Lock(p.Task)
			defer p.s.spin[n].Unlock(p.Task)
		} else {
			p.s.words[2].Load(p.Task)
		}
		p.s.words[1].Load(p.Task)
		p.see(p.s.words[0].Load(p.Task))
	}},
	"seqwrite": {6, func(p *performer, _ int) {
		p.s.spin[0].Lock(p.Task)
		p.s.seq.WriteBegin(p.Task)
		p.s.words[0].Store(p.Task, p.value)
		p.s.words[1].Store(p.Task, p.value)
		p.s.seq.WriteEnd(p.Task)
		p.s.spin[0].Unlock(p.Task)
	}},
	"seqread": {4, func(p *performer, _ int) {
		for range 2 {
			n := p.s.seq.ReadBegin(p.Task)
			x, y := p.s.words[0].Load(p.Task), p.s.words[1].Load(p.Task)
			if !p.s.seq.ReadRetry(p.Task, n) {
				p.see(x)
				p.see(y)
				return
			}
		}
	}},

	// Sleep, wake-ups and signals.
	"wait":     {3, func(p *performer, n int) { p.sleepUnless(&p.s.words[n], sim.Interruptible) }},
	"waitkill": {3, func(p *performer, n int) { p.sleepUnless(&p.s.words[n], sim.Killable) }},
	"sleep": {2, func(p *performer, _ int) {
		p.SetState(sim.Interruptible)
		p.Schedule()
		p.see(6)
	}},
	"announce":  {1, func(p *performer, _ int) { p.SetState(sim.Interruptible) }}, // and goes on, or ends
	"unordered": {1, func(p *performer, _ int) { p.SetStateUnordered(sim.Interruptible) }},
	"wake": {1, func(p *performer, n int) {
		fmt.Fprint(&p.saw, p.WakeUpState(p.named(n), sim.Normal), ",")
	}},
	"running":  {1, func(p *performer, _ int) { p.SetRunning() }},
	"schedule": {1, func(p *performer, _ int) { p.Schedule() }},
	"signal":   {4, func(p *performer, n int) { p.Signal(p.named(n), sim.SignalOrdinary) }},
	"kill":     {4, func(p *performer, n int) { p.Signal(p.named(n), sim.SignalFatal) }},
	"pending":  {1, func(p *performer, _ int) { fmt.Fprint(&p.saw, p.SignalPending(), ",") }},
	"take":     {2, func(p *performer, _ int) { fmt.Fprint(&p.saw, p.TakeSignals(), ",") }},

	// Wait queues.
	"queue":     {7, (*performer).queue},
	"wakequeue": {4, func(p *performer, _ int) { p.s.words[2].Store(p.Task, p.value); p.wakeQueue() }},
	"wakewalk":  {3, func(p *performer, _ int) { p.wakeQueue() }},
	"active":    {1, func(p *performer, _ int) { fmt.Fprint(&p.saw, p.s.queue.Active(p.Task), ",") }},
}

// put drops a reference on a counted structure.
func (p *performer) put(n int) {
	o := p.s.counted[n]
	if o.refs.Dec(p.Task) == 0 {
		if n == 1 {
			p.put(0)
		}
		sim.Kfree(p.Task, o)
		o.freed = true
	}
}

// sleepUnless sleeps until it is woken if the word is 0.
func (p *performer) sleepUnless(w *sim.Word, state sim.State) {
	p.SetState(state)
	if w.Load(p.Task) == 0 {
		p.Schedule()
		fmt.Fprint(&p.saw, "slept,")
	}
	p.SetRunning()
}

// queue waits in the queue until a task wakes it. If n is 1, the waker removes the entry.
// The label of the task's next such entry is the same.
func (p *performer) queue(n int) {
	head, e := &p.s.queue, &sleeper{}
	sim.Label(p.Task, e, p.Name()+"'s sleeper", uint64(p.ID())<<32|uint64(n))
	e.entry.Task, e.entry.Func = p.Task, sim.DefaultWakeFunction
	if n == 1 {
		e.entry.Func = func(t *sim.Task, e *sim.WaitQueueEntry, mode sim.State, key sim.Key) bool {
			woken := sim.DefaultWakeFunction(t, e, mode, key)
			head.DelInit(t, e)
			return woken
		}
	}
	head.Lock.Lock(p.Task)
	head.Add(p.Task, &e.entry)
	head.Lock.Unlock(p.Task)
	p.sleepUnless(&p.s.words[2], sim.Interruptible)
	if n == 0 || !e.entry.ListEmptyCareful(p.Task) {
		head.Lock.Lock(p.Task)
		head.Del(p.Task, &e.entry)
		head.Lock.Unlock(p.Task)
	}
	sim.Retire(p.Task, e)
}

func (p *performer) wakeQueue() { p.s.queue.WakeUpKey(p.Task, sim.Normal, sim.Key{}) }
