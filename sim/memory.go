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
	v := w.v.Load()
	c.saw(t, s, c.meaning(w))
	return v
}

// meaning is the word's value as it can be compared between runs.
func (c *Controlled) meaning(w *Word) uint64 {
	if stands := c.content(unsafe.Pointer(w)); stands != 0 {
		return stands
	}
	return w.v.Load()
}

func (c *Controlled) store(t *Task, w *Word, v uint64, handle bool) {
	s := Step{OpStore, unsafe.Pointer(w)}
	c.step(t, s)
	c.saw(t, s, 0)
	c.put(t, w, v, handle)
}

func (c *Controlled) put(t *Task, w *Word, v uint64, handle bool) {
	if c.print.on {
		old := c.meaning(w)
		if handle {
			c.print.content[unsafe.Pointer(w)] = t.co.history
		} else {
			delete(c.print.content, unsafe.Pointer(w))
			t.co.history = mix(t.co.history, v)
		}
		w.v.Store(v)
		c.changed(t, unsafe.Pointer(w), old, c.meaning(w))
		return
	}
	w.v.Store(v)
}

// add adds to a word, or, with notZero, leaves a zero alone, and returns the value
// afterwards.
func (c *Controlled) add(t *Task, w *Word, delta uint64, notZero bool) uint64 {
	s := Step{OpRMW, unsafe.Pointer(w)}
	c.step(t, s)
	old := w.v.Load()
	c.saw(t, s, old)
	if notZero && old == 0 {
		return 0
	}
	w.v.Store(old + delta)
	c.changed(t, unsafe.Pointer(w), old, old+delta)
	return old + delta
}

// touch announces an access to what the word maps. A write leaves its mark on the
// word's meaning, for what the next one finds there depends on it.
func (c *Controlled) touch(t *Task, w *Word, write bool) {
	op := OpLoad
	if write {
		op = OpRMW
	}
	s := Step{op, unsafe.Pointer(w)}
	c.step(t, s)
	c.saw(t, s, c.meaning(w))
	if write && c.print.on {
		old := c.meaning(w)
		c.print.content[unsafe.Pointer(w)] = t.co.history
		c.changed(t, unsafe.Pointer(w), old, t.co.history)
	}
}

// setState stores a task's own state.
func (c *Controlled) setState(t *Task, s State) {
	step := Step{OpSetState, unsafe.Pointer(t)}
	c.step(t, step)
	c.saw(t, step, uint64(s))
	c.storeState(t, t, s)
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
	step := Step{OpSignal, unsafe.Pointer(target)}
	c.step(t, step)
	c.saw(t, step, uint64(sig))
	c.storeSignals(t, target, Signal(target.signals.Load())|sig)
	if target.State()&sig.wakes() != 0 {
		c.storeState(t, target, Running)
	}
}

func (c *Controlled) storeSignals(t, target *Task, sig Signal) {
	c.changed(t, unsafe.Pointer(&target.signals), uint64(target.signals.Load()), uint64(sig))
	target.signals.Store(uint32(sig))
}

func (c *Controlled) loadSignals(t *Task) Signal {
	step := Step{OpLoad, unsafe.Pointer(t)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.saw(t, step, uint64(sig))
	return sig
}

func (c *Controlled) clearSignals(t *Task, which Signal) bool {
	step := Step{OpRMW, unsafe.Pointer(t)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.saw(t, step, uint64(sig))
	c.storeSignals(t, t, sig&^which)
	return sig&which != 0
}

// acquired notes that a task has come into a lock, and with it into what the last
// holder left behind.
func (c *Controlled) acquired(t *Task, s Step) { c.saw(t, s, c.content(s.Obj)) }

// released notes that a task leaves a lock, having perhaps changed what it guards.
func (c *Controlled) released(t *Task, s Step, wrote bool) {
	c.saw(t, s, 0)
	if wrote {
		c.signed(t, s.Obj)
	}
}
