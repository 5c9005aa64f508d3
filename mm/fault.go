package mm

import "github.com/uffdsim/uffdsim/sim"

// Outcome is how a page fault ended for the access that caused it.
type Outcome uint8

// The outcomes.
const (
	// Done: make the access again.
	Done Outcome = iota
	// SegFault: no mapping, or one that does not allow the access.
	SegFault
	// BusError: a mapping that has no page to give.
	BusError
	// OutOfMemory: an allocation failed.
	OutOfMemory
	// Fixup: a fatal signal ended a fault in kernel mode; the access fails.
	Fixup
	// Killed: the task died of a fatal signal before the access was made.
	Killed
)

// String names the signal that user mode would get.
func (o Outcome) String() string {
	return [...]string{"done", "SIGSEGV", "SIGBUS", "out of memory", "fixup", "killed"}[o]
}

// DoPageFault is the processor's page fault: it finds the VMA, checks the access
// and handles the fault, once more if it is asked to retry. write and user describe the
// access. No lock may be held. It recreates x86's __do_page_fault of 4.3 (§17.2).
func (mm *MM) DoPageFault(t *sim.Task, addr uint64, write, user bool) Outcome {
	mm.traceFault(t, addr, write)
	outcome := mm.doPageFault(t, addr, write, user)
	outcome.trace(t)
	return outcome
}

func (mm *MM) doPageFault(t *sim.Task, addr uint64, write, user bool) Outcome {
	flags := FaultAllowRetry | FaultKillable
	if mm.Facts.InterruptibleFaults {
		flags |= FaultInterruptible
	}
	if user {
		flags |= FaultUser
	}
	if write {
		flags |= FaultWrite
	}
	var major FaultResult
	start := t.Bookmark()
	for {
		try := t.Bookmark()
		mm.MmapLock.DownRead(t)
		// Looked up anew for each try: the task that resolved the fault may have unmapped it.
		vma := mm.FindVMA(t, addr)
		t.ForgetSince(try, "found", vma.sumUpFields) // the other VMAs are nothing to this fault
		if vma == nil || vma.Start > addr || accessError(vma, write) {
			mm.MmapLock.UpRead(t)
			return SegFault
		}
		fault := mm.HandleMMFault(t, vma, addr, flags)
		major |= fault & VMFaultMajor
		if fault&VMFaultRetry == 0 {
			mm.MmapLock.UpRead(t)
			if mm.Facts.MajorIfRetried && flags&FaultTried != 0 {
				major |= VMFaultMajor
			}
			return account(t, fault, major)
		}
		// The function that asked for the retry has dropped mmap_lock.
		if flags&FaultInterruptible != 0 && user && t.SignalPending() {
			return Done // for the signal; the access is made again if the task is still there
		}
		if flags&FaultAllowRetry != 0 {
			// A second retry is not allowed: one that cannot be resolved now is an error
			// (FAULT-13).
			flags |= FaultTried
			if mm.Facts.Retries == RetryOnce {
				flags &^= FaultAllowRetry
			}
			if !t.FatalSignalPending() {
				// Whether it was a major fault only decides who counts it.
				t.ForgetSince(start, "retry", func(s *sim.Summary) { s.Add(uint64(flags)) })
				continue
			}
		}
		if user {
			return Done // and dies on the way back to user mode
		}
		return Fixup
	}
}

// accessError reports whether the VMA forbids the access: access_error.
func accessError(vma *VMA, write bool) bool {
	if write {
		return vma.Flags&VMWrite == 0
	}
	return vma.Flags&vmAccess == 0
}

func account(t *sim.Task, fault, major FaultResult) Outcome {
	switch {
	case fault&VMFaultOOM != 0:
		return OutOfMemory
	case fault&VMFaultSIGBUS != 0:
		return BusError
	case fault&VMFaultSIGSEGV != 0:
		return SegFault
	}
	th := Current(t)
	if major != 0 {
		th.MajFlt++
	} else {
		th.MinFlt++
	}
	return Done
}

// Load is a load by user mode: it fills buf from addr on, faulting pages in as the
// processor would, one instruction a page. Unless the outcome is Done the access
// stopped at the address returned.
func (mm *MM) Load(t *sim.Task, addr uint64, buf []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, buf, false)
}

// Store is a store by user mode, the counterpart of [MM.Load].
func (mm *MM) Store(t *sim.Task, addr uint64, data []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, data, true)
}

func (mm *MM) userAccess(t *sim.Task, addr uint64, buf []byte, write bool) (Outcome, uint64) {
	instruction := t.Bookmark()
	for len(buf) > 0 {
		n := min(len(buf), int(PageSize-addr&(PageSize-1)))
		if mm.translate(t, addr, buf[:n], write) {
			addr, buf = addr+uint64(n), buf[n:]
			instruction = t.Bookmark()
			continue
		}
		outcome := mm.DoPageFault(t, addr, write, true)
		// The way back to user mode is where signals are taken, also if the access has just
		// got one of its own: no handler of that runs in a task that is to die.
		if t.TakeSignals() {
			return Killed, addr
		}
		if outcome != Done {
			return outcome, addr
		}
		t.ForgetSince(instruction, "again", nil)
	}
	return Done, addr
}
