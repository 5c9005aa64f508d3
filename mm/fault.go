package mm

import "github.com/uffdsim/uffdsim/sim"

// Outcome is how a page fault ended for the access that caused it.
type Outcome uint8

// The outcomes.
const (
	// Done: the fault is resolved; repeat the access.
	Done Outcome = iota
	// SegFault: nothing is mapped, or the VMA does not allow the access (SIGSEGV).
	SegFault
	// BusError: the mapping cannot provide the page (SIGBUS).
	BusError
	// OutOfMemory: an allocation failed.
	OutOfMemory
	// Fixup: a fatal signal ended a fault in kernel mode; the access fails.
	Fixup
	// Killed: the task died of a fatal signal before the access was made.
	Killed
)

// String returns the signal that user mode gets, or the outcome's name if it gets none.
func (o Outcome) String() string {
	return [...]string{"done", "SIGSEGV", "SIGBUS", "out of memory", "fixup", "killed"}[o]
}

// DoPageFault handles a page fault that the processor raised: it finds the VMA, checks
// the access and handles the fault, again if the fault asks for a retry. write and user
// describe the access. No lock may be held. It recreates x86's __do_page_fault of 4.3
// (§17.2).
func (mm *MM) DoPageFault(t *sim.Task, addr uint64, write, user bool) Outcome {
	mm.traceFault(t, addr, write)
	outcome := mm.doPageFault(t, addr, write, user)
	outcome.trace(t)
	return outcome
}

// doPageFault is DoPageFault without the trace events.
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
		// Look it up for every try: while mmap_lock was dropped it may have been
		// unmapped.
		vma := mm.FindVMA(t, addr)
		t.AbstractSince(try, "found", vma.sumUp) // the fault depends on no other VMA
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
			return Done // take the signal; its handler may return, which repeats the access
		}
		if flags&FaultAllowRetry != 0 {
			// Before 5.7 there is one retry: a fault that it cannot resolve is an error
			// (FAULT-13).
			flags |= FaultTried
			if mm.Facts.Retries == RetryOnce {
				flags &^= FaultAllowRetry
			}
			if !t.FatalSignalPending() {
				// Not part of the state: a major fault differs in its counter only.
				t.AbstractSince(start, "retry", func(s *sim.Summary) { s.Add(uint64(flags)) })
				continue
			}
		}
		if user {
			return Done // the task dies on the way back to user mode
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

// account returns the outcome for the result of the last try: the end of __do_page_fault.
// It counts a resolved fault as major if major is not 0, and as minor otherwise.
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

// Load loads len(buf) bytes at addr into buf, in user mode, and handles page faults as
// the processor does. Each page is accessed by an instruction of its own. If the outcome
// is not Done, the second result is the address at which the access stopped. No lock may
// be held.
func (mm *MM) Load(t *sim.Task, addr uint64, buf []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, buf, false)
}

// Store stores data at addr in user mode: the counterpart of [MM.Load].
func (mm *MM) Store(t *sim.Task, addr uint64, data []byte) (Outcome, uint64) {
	return mm.userAccess(t, addr, data, true)
}

// userAccess is Load, or Store if write is set.
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
		// Signals are taken on the way back to user mode. A fatal one takes precedence
		// over the SIGSEGV or SIGBUS that the access itself may have raised.
		if t.TakeSignals() {
			return Killed, addr
		}
		if outcome != Done {
			return outcome, addr
		}
		t.AbstractSince(instruction, "again", nil)
	}
	return Done, addr
}
