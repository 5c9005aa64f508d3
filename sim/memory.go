package sim

import "unsafe"

// The accesses to shared words, as the controlled executor makes them: a visible step,
// the access, and a note for the fingerprint.

// bareStep makes a step that finds out nothing.
func (c *Controlled) bareStep(t *Task, s Step) {
	c.step(t, s)
	c.saw(t, s, 0)
}

func (c *Controlled) load(t *Task, w *Word) uint64 {
	s := Step{OpLoad, unsafe.Pointer(w)}
	c.step(t, s)
	if own := t.co.buffer.newest(s.Obj); own != nil {
		c.sawContent(t, s, &own.stands)
		return own.value
	}
	c.sawWord(t, s, w)
	return c.inMemory(w)
}

// sawWord notes what the task found in a word: the value, or, where that is a handle, who
// put it there.
func (c *Controlled) sawWord(t *Task, s Step, w *Word) {
	if !c.print.on {
		return
	}
	found := c.meaning(t, w)
	c.sawContent(t, s, &found)
}

// meaning is the word's value as it can be compared between runs.
func (c *Controlled) meaning(t *Task, w *Word) sums {
	if stands := c.mustLabel(t, unsafe.Pointer(w)).content(unsafe.Pointer(w)); stands != nil {
		return *stands
	}
	return sameForAll(c.inMemory(w))
}

func sameForAll(v uint64) (s sums) {
	for k := range s {
		s[k] = v
	}
	return s
}

func (c *Controlled) store(t *Task, w *Word, v uint64) {
	if c.buffered() {
		s := Step{OpStore, unsafe.Pointer(w)}
		c.saw(t, s, v)
		c.storeBuffered(t, w, pendingStore{step: s, value: v, stands: sameForAll(v)})
		return
	}
	c.storeAtOnce(t, w, v)
}

// storeAtOnce is a store that does not go through a buffer.
func (c *Controlled) storeAtOnce(t *Task, w *Word, v uint64) {
	s := Step{OpStore, unsafe.Pointer(w)}
	c.step(t, s)
	c.saw(t, s, v)
	c.replace(t, w, v)
}

// cmpxchg is a store if it succeeds. If it fails the task knows that the value was another.
func (c *Controlled) cmpxchg(t *Task, w *Word, old, v uint64) bool {
	s := Step{OpStore, unsafe.Pointer(w)}
	c.step(t, s)
	if w.v.Load() != old {
		c.sawWord(t, s, w)
		return false
	}
	c.saw(t, s, v)
	c.replace(t, w, v)
	return true
}

// replace gives the word another value.
func (c *Controlled) replace(t *Task, w *Word, v uint64) {
	if c.print.on {
		old, now := c.meaning(t, w), sameForAll(v)
		c.mustLabel(t, unsafe.Pointer(w)).dropContent(unsafe.Pointer(w))
		c.became(t, unsafe.Pointer(w), &old, &now)
	}
	if _, pending := c.visible[w]; pending {
		c.visible[w] = v
	}
	w.v.Store(v)
}

func (c *Controlled) storeHandle(t *Task, w *Word, v uint64, meaning func(s *Summary)) {
	if v == 0 {
		c.store(t, w, 0)
		return
	}
	s := Step{OpStore, unsafe.Pointer(w)}
	if !c.buffered() {
		c.step(t, s)
	}
	c.saw(t, s, 1)
	if !c.print.on {
		if c.handles == nil {
			c.handles = map[unsafe.Pointer]func(*Summary){}
		}
		c.handles[s.Obj] = meaning
	}
	if c.buffered() {
		c.storeBuffered(t, w, pendingStore{step: s, value: v, stands: c.sumUp(t, meaning), handle: true})
		return
	}
	if c.print.on {
		old, now := c.meaning(t, w), c.sumUp(t, meaning)
		c.mustLabel(t, s.Obj).setContent(s.Obj, &now)
		c.became(t, s.Obj, &old, &now)
	}
	w.v.Store(v)
}

// count adds to a word that counts references, or, with notZero, leaves a zero alone,
// and returns the value afterwards. All that the task finds out is whether there are
// any: the number itself would tell apart what nobody can.
func (c *Controlled) count(t *Task, w *Word, op Op, delta uint64, notZero bool) uint64 {
	s := Step{op, unsafe.Pointer(w)}
	c.step(t, s)
	old := w.v.Load() // nobody stores to a count
	now := old + delta
	if notZero && old == 0 {
		now = 0
	}
	w.v.Store(now)
	c.changed(t, unsafe.Pointer(w), old, now)
	found := uint64(1)
	if now == 0 {
		found = 0
	}
	c.saw(t, s, found)
	return now
}

// touch announces an access to what the word maps. A write leaves its mark on the
// word's meaning, for what the next one finds there depends on it.
func (c *Controlled) touch(t *Task, w *Word, write bool) {
	op := OpAccess
	if write {
		op = OpAccessWrite
	}
	s := Step{op, unsafe.Pointer(w)}
	c.step(t, s)
	c.sawWord(t, s, w)
	if write && c.print.on {
		old := c.meaning(t, w)
		c.mustLabel(t, s.Obj).setContent(s.Obj, &t.co.history)
		c.became(t, unsafe.Pointer(w), &old, &t.co.history)
	}
}

// setState stores a task's own state.
func (c *Controlled) setState(t *Task, s State) {
	step := Step{OpSetState, unsafe.Pointer(t)}
	if s != Running || t.ownState() != Running { // else nobody else can make it anything but that, and nobody can tell
		c.step(t, step)
	}
	c.saw(t, step, uint64(s))
	c.storeState(t, t, s)
}

// setStateUnordered stores it with a store that others see later.
func (c *Controlled) setStateUnordered(t *Task, s State) {
	step := Step{OpSetState, unsafe.Pointer(t)}
	c.saw(t, step, uint64(s))
	if s != Running || t.ownState() != Running {
		c.buffer(t, pendingStore{step: step, value: uint64(s), stands: sameForAll(uint64(s))})
	}
}

// schedule puts a task to sleep. One that has been woken already is not put to sleep:
// nobody can tell whether it has called.
func (c *Controlled) schedule(t *Task) {
	s := Step{OpSchedule, unsafe.Pointer(t)}
	if t.ownState() != Running {
		c.step(t, s)
		c.storeState(t, t, Running)
	}
	c.saw(t, s, 0)
}

// storeState stores the state of a task, on behalf of t.
func (c *Controlled) storeState(t, target *Task, s State) {
	c.changed(t, unsafe.Pointer(&target.state), uint64(target.State()), uint64(s))
	target.state.Store(uint32(s))
}

// wakeUp makes the step of a wake-up.
func (c *Controlled) wakeUp(t, target *Task, mask State) bool {
	step := Step{OpWake, unsafe.Pointer(target)}
	c.step(t, step)
	woken := uint64(0)
	if target.State()&mask != 0 {
		woken = 1
		c.storeState(t, target, Running)
	}
	c.saw(t, step, woken)
	return woken == 1
}

// signal makes the step of sending a signal.
func (c *Controlled) signal(t, target *Task, sig Signal) {
	step := Step{OpSignal, unsafe.Pointer(&target.signals)}
	c.step(t, step)
	c.saw(t, step, uint64(sig))
	c.storeSignals(t, target, Signal(target.signals.Load())|sig)
}

func (c *Controlled) storeSignals(t, target *Task, sig Signal) {
	c.changed(t, unsafe.Pointer(&target.signals), uint64(target.signals.Load()), uint64(sig))
	target.signals.Store(uint32(sig))
}

func (c *Controlled) loadSignals(t *Task) Signal {
	step := Step{OpLoad, unsafe.Pointer(&t.signals)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.saw(t, step, uint64(sig))
	return sig
}

// takeSignals takes the signals away, unless one of them is fatal.
func (c *Controlled) takeSignals(t *Task) Signal {
	step := Step{OpTake, unsafe.Pointer(&t.signals)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.saw(t, step, uint64(sig))
	if sig&SignalFatal == 0 {
		c.storeSignals(t, t, 0)
	}
	return sig
}
