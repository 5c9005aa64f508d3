package sim

import "unsafe"

// This file has the accesses to shared words on the controlled executor. Each consists of
// a visible step, the access, and an update of the fingerprint.

// bareStep takes a step that finds no value.
func (c *Controlled) bareStep(t *Task, s Step) {
	c.step(t, s)
	c.recordStep(t, s, 0)
}

// load reads a word. With store buffers the task's own pending store comes first.
func (c *Controlled) load(t *Task, w *Word) uint64 {
	s := Step{OpLoad, unsafe.Pointer(w)}
	c.step(t, s)
	return c.loadNow(t, s, w)
}

// loadNow reads a word without a step.
func (c *Controlled) loadNow(t *Task, s Step, w *Word) uint64 {
	if own := t.co.buffer.newest(s.Obj); own != nil {
		if own.sum != nil {
			c.recordStepSum(t, s, own.sum)
		} else {
			c.recordStep(t, s, own.value)
		}
		return own.value
	}
	c.recordWord(t, s, w)
	return c.inMemory(w)
}

// recordWord adds to the task's history the value that it found in a word or, for a
// handle, the handle's meaning.
func (c *Controlled) recordWord(t *Task, s Step, w *Word) {
	if !c.fp.on {
		return
	}
	c.findWord(t, w)
	if sum := c.wordSum(t, w); sum != nil {
		c.recordStepSum(t, s, sum)
	} else {
		c.recordStep(t, s, c.inMemory(w))
	}
}

// recordCondition adds to the task's history whether a word's value satisfies a
// condition.
func (c *Controlled) recordCondition(t *Task, w *Word, ok bool) {
	if !c.fp.on {
		return
	}
	found := uint64(0)
	if ok {
		found = 1
	}
	c.findWord(t, w)
	c.recordStep(t, Step{OpLoad, unsafe.Pointer(w)}, found)
}

// findWord records that a transition depends on the word's value in memory.
func (c *Controlled) findWord(t *Task, w *Word) {
	if c.record == nil {
		return
	}
	if sum := c.wordSum(t, w); sum != nil {
		c.found(unsafe.Pointer(w), sum)
	} else {
		c.foundValue(unsafe.Pointer(w), c.inMemory(w))
	}
}

// wordSum returns the hash that represents the word's value in memory, nil if the value
// does.
func (c *Controlled) wordSum(t *Task, w *Word) *Sums {
	return c.mustLabel(t, unsafe.Pointer(w)).content(unsafe.Pointer(w))
}

// replaceWord replaces the word's value in memory in the fingerprint by the value v or,
// if it is not nil, by sum.
func (c *Controlled) replaceWord(t *Task, w *Word, v uint64, sum *Sums) {
	if !c.fp.on {
		return
	}
	obj := unsafe.Pointer(w)
	l := c.mustLabel(t, obj)
	old := l.content(obj)
	if old == nil && sum == nil {
		c.replaceValue(t, obj, c.inMemory(w), v)
		return
	}
	var before, after Sums
	if old != nil {
		before = *old
	} else {
		before = sameForAll(c.inMemory(w))
	}
	if sum != nil {
		after = *sum
		l.setContent(obj, sum)
	} else {
		after = sameForAll(v)
		l.dropContent(obj)
	}
	c.replaceSum(t, obj, &before, &after)
}

// sameForAll returns v for every permutation.
func sameForAll(v uint64) (s Sums) {
	for k := range s {
		s[k] = v
	}
	return s
}

// store writes a word, through the task's store buffer if it has one.
func (c *Controlled) store(t *Task, w *Word, v uint64) {
	if c.buffered() {
		s := Step{OpStore, unsafe.Pointer(w)}
		c.recordStep(t, s, v)
		c.storeBuffered(t, w, pendingStore{step: s, value: v})
		return
	}
	c.storeAtOnce(t, w, v)
}

// storeAtOnce writes a word in memory, bypassing the store buffer.
func (c *Controlled) storeAtOnce(t *Task, w *Word, v uint64) {
	s := Step{OpStore, unsafe.Pointer(w)}
	c.step(t, s)
	c.recordStep(t, s, v)
	c.setWord(t, w, v)
}

// cmpxchg counts as a store if it succeeds. If it fails, the task learns the word's
// value; the history then has a load, because the value can be the one that a success
// would have stored.
func (c *Controlled) cmpxchg(t *Task, w *Word, old, v uint64) bool {
	s := Step{OpStore, unsafe.Pointer(w)}
	c.step(t, s)
	c.findWord(t, w)
	if c.inMemory(w) != old { // not w.v: another task's store may be pending
		c.recordWord(t, Step{OpLoad, s.Obj}, w)
		return false
	}
	c.recordStep(t, s, v)
	c.setWord(t, w, v)
	return true
}

// setWord sets the word's value in memory without a step.
func (c *Controlled) setWord(t *Task, w *Word, v uint64) {
	c.replaceWord(t, w, v, nil)
	if _, pending := c.visible[w]; pending {
		c.visible[w] = v
	}
	w.v.Store(v)
}

// storeHandle is store for a handle. The fingerprint has its meaning instead of its
// value.
func (c *Controlled) storeHandle(t *Task, w *Word, v uint64, meaning func(s *Summary)) {
	if v == 0 {
		c.store(t, w, 0)
		return
	}
	s := Step{OpStore, unsafe.Pointer(w)}
	if !c.buffered() {
		c.step(t, s)
	}
	c.recordStep(t, s, 1)
	if c.buffered() {
		c.keepMeaning(w, meaning)
		now := c.sumUp(t, meaning)
		c.storeBuffered(t, w, pendingStore{step: s, value: v, sum: &now})
		return
	}
	c.setMeaning(t, w, meaning)
	w.v.Store(v)
}

// keepMeaning keeps a handle's meaning for a later call of Fingerprint.
func (c *Controlled) keepMeaning(w *Word, meaning func(s *Summary)) {
	if !c.fp.on && !c.NoFingerprints {
		if c.handles == nil {
			c.handles = map[unsafe.Pointer]func(*Summary){}
		}
		c.handles[unsafe.Pointer(w)] = meaning
	}
}

// setMeaning replaces a handle's content in the fingerprint, without a step.
func (c *Controlled) setMeaning(t *Task, w *Word, meaning func(s *Summary)) {
	c.keepMeaning(w, meaning)
	if c.fp.on {
		c.findWord(t, w) // what the new handle refers to may have been changed through the old one
		now := c.sumUp(t, meaning)
		c.replaceWord(t, w, w.Peek(), &now)
	}
}

// count adds delta to a word that counts references and returns the new value. With
// notZero it leaves a zero unchanged. The task's history gets only whether the result is
// zero: no task can observe the number itself, and recording it would make equal states
// differ.
func (c *Controlled) count(t *Task, w *Word, op Op, delta uint64, notZero bool) uint64 {
	s := Step{op, unsafe.Pointer(w)}
	c.step(t, s)
	old := w.v.Load() // is in memory: no task stores to a count through a buffer
	c.foundValue(s.Obj, old)
	now := old + delta
	if notZero && old == 0 {
		now = 0
	}
	w.v.Store(now)
	c.replaceValue(t, unsafe.Pointer(w), old, now)
	found := uint64(1)
	if now == 0 {
		found = 0
	}
	c.recordStep(t, s, found)
	return now
}

// addHeld adds delta to a word without a step.
func (c *Controlled) addHeld(t *Task, w *Word, delta uint64) {
	old := w.v.Load() // is in memory: no task stores to such a word through a buffer
	c.foundValue(unsafe.Pointer(w), old)
	w.v.Store(old + delta)
	c.replaceValue(t, unsafe.Pointer(w), old, old+delta)
}

// touch takes the step of an access to the memory that the word maps. A write changes the
// word's content in the fingerprint, since the next access can find what was written.
func (c *Controlled) touch(t *Task, w *Word, write bool) {
	op := OpAccess
	if write {
		op = OpAccessWrite
	}
	s := Step{op, unsafe.Pointer(w)}
	c.step(t, s)
	c.recordWord(t, s, w)
	if write && c.fp.on {
		now := c.contentBy(t)
		c.replaceWord(t, w, 0, &now)
	}
}

// setState sets a task's own state. Setting a task to Running that has not announced a
// sleep is not a step: wakers set no other state, so no task can tell. If it has, it is a
// step even if the task was woken meanwhile. Otherwise a search could miss it: whether
// there is a step would depend on the order of the wake-up and other steps of the task.
func (c *Controlled) setState(t *Task, s State) {
	step := Step{OpSetState, unsafe.Pointer(t)}
	if s != Running || t.co.announced != Running {
		c.step(t, step)
	}
	t.co.announced = s
	c.recordStep(t, step, uint64(s))
	c.storeState(t, t, s)
}

// setStateUnordered is setState through the task's store buffer.
func (c *Controlled) setStateUnordered(t *Task, s State) {
	step := Step{OpSetState, unsafe.Pointer(t)}
	c.recordStep(t, step, uint64(s))
	before := t.co.announced
	t.co.announced = s
	if s != Running || before != Running {
		c.buffer(t, pendingStore{step: step, value: uint64(s)})
	}
}

// schedule puts a task to sleep until it is woken. It is a step even if the task was
// woken before: see setState.
func (c *Controlled) schedule(t *Task) {
	s := Step{OpSchedule, unsafe.Pointer(t)}
	c.step(t, s)
	c.storeState(t, t, Running)
	t.co.announced = Running
	c.recordStep(t, s, 0)
}

// storeState sets the target's state in memory on behalf of t, without a step.
func (c *Controlled) storeState(t, target *Task, s State) {
	c.replaceValue(t, unsafe.Pointer(&target.state), uint64(target.State()), uint64(s))
	target.state.Store(uint32(s))
	c.tasks.wake(target)
}

// wakeUp wakes the target if its state shares a bit with mask, and reports whether it
// did.
func (c *Controlled) wakeUp(t, target *Task, mask State) bool {
	step := Step{OpWake, unsafe.Pointer(target)}
	c.step(t, step)
	woken := uint64(0)
	c.foundValue(unsafe.Pointer(&target.state), uint64(target.State()))
	if target.State()&mask != 0 {
		woken = 1
		c.storeState(t, target, Running)
	}
	c.recordStep(t, step, woken)
	return woken == 1
}

// signal makes a signal pending for the target.
func (c *Controlled) signal(t, target *Task, sig Signal) {
	step := Step{OpSignal, unsafe.Pointer(&target.signals)}
	c.step(t, step)
	c.recordStep(t, step, uint64(sig))
	c.foundValue(step.Obj, uint64(target.signals.Load()))
	c.storeSignals(t, target, Signal(target.signals.Load())|sig)
}

// storeSignals sets the target's pending signals on behalf of t, without a step.
func (c *Controlled) storeSignals(t, target *Task, sig Signal) {
	c.replaceValue(t, unsafe.Pointer(&target.signals), uint64(target.signals.Load()), uint64(sig))
	target.signals.Store(uint32(sig))
	c.tasks.wake(target)
}

// loadSignals returns the task's pending signals.
func (c *Controlled) loadSignals(t *Task) Signal {
	step := Step{OpLoad, unsafe.Pointer(&t.signals)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.foundValue(step.Obj, uint64(sig))
	c.recordStep(t, step, uint64(sig))
	return sig
}

// takeSignals returns the task's pending signals and clears them unless one is fatal.
func (c *Controlled) takeSignals(t *Task) Signal {
	step := Step{OpTake, unsafe.Pointer(&t.signals)}
	c.step(t, step)
	sig := Signal(t.signals.Load())
	c.foundValue(step.Obj, uint64(sig))
	c.recordStep(t, step, uint64(sig))
	if sig&SignalFatal == 0 {
		c.storeSignals(t, t, 0)
	}
	return sig
}
