package uffd

// Facts say what userfaultfd is where kernels differ. But for the masks, the zero value is
// the code of 2015. Package kernel dates every change of them.
type Facts struct {
	// Features are those that the handshake answers with, and the only ones that it may
	// ask for (UFFD_API_FEATURES).
	Features uint64
	// APIIoctls are the ioctls of a descriptor (UFFD_API_IOCTLS).
	APIIoctls uint64
	// RangeIoctls are the ioctls of a registered range (UFFD_API_RANGE_IOCTLS).
	RangeIoctls uint64
	// Flags are those of userfaultfd(2).
	Flags uint32

	// LowAddress: the range of an ioctl may begin below mmap_min_addr (7.1).
	LowAddress bool

	Handshake  Handshake
	Create     CreateFacts
	Pins       Pins
	MemoryGone MemoryGone

	// MasksAddress: a message carries the address of the page, not of the byte, unless
	// FeatureExactAddress was asked for (4.10).
	MasksAddress bool
	Released     Released
	Signals      Signals
	Sleep        Sleep
	// CountsRefiles: a sequence count covers the move of a fault between the queues, so that
	// no waker finds both empty (4.3).
	CountsRefiles bool

	Register   RegisterFacts
	Unregister UnregisterFacts
	Copy       CopyFacts
}

// Offers reports whether a registered range has the ioctl with that bit in RangeIoctls.
// UFFDIO_COPY and UFFDIO_ZEROPAGE are known if and only if it has.
func (f *Facts) Offers(mask uint64) bool { return f.RangeIoctls&mask != 0 }

// Handshake is what UFFDIO_API does to the other ioctls, and what a second one does.
type Handshake uint8

const (
	// HandshakeOpen: every ioctl works before the handshake, too.
	HandshakeOpen Handshake = iota
	// HandshakeGated: before the handshake every other ioctl is EINVAL (4.3).
	HandshakeGated
	// HandshakeCompareExchange: in addition, two handshakes at a time cannot both succeed. A
	// second one is refused only at its end, with the struct zeroed (5.15).
	HandshakeCompareExchange
)

// CreateFacts are the facts of userfaultfd(2) and of the file that it makes.
type CreateFacts struct {
	// PutsMM: a context without a file drops its mm (4.3).
	PutsMM bool
	// ContextFirst: the flags are checked and the context is made before a descriptor is
	// reserved (4.16).
	ContextFirst bool
	// Seekable: lseek(2) succeeds and changes nothing. Before, it is ESPIPE (6.0).
	Seekable bool
	// ReadOnly: the file is open for reading only (6.1).
	ReadOnly bool
}

// Pins is what a context keeps of its mm.
type Pins uint8

const (
	// PinsMemory: the memory, with a user reference.
	PinsMemory Pins = iota
	// PinsStruct: the mm_struct alone. The memory can be torn down under it (4.7).
	PinsStruct
)

// MemoryGone is what a fill returns if the memory has been torn down.
type MemoryGone uint8

const (
	// MemoryGoneInvalid: EINVAL, in the out field as well.
	MemoryGoneInvalid MemoryGone = iota
	// MemoryGoneNoSpace: ENOSPC from UFFDIO_COPY. UFFDIO_ZEROPAGE was overlooked, and stays as
	// it was (4.11).
	MemoryGoneNoSpace
	// MemoryGoneNoProcess: ESRCH (4.13).
	MemoryGoneNoProcess
)

// Released is what a fault on a released context comes to.
type Released uint8

const (
	// ReleasedSIGBUS: SIGBUS.
	ReleasedSIGBUS Released = iota
	// ReleasedNoPage: nothing; mmap_lock stays held, and the access is made again (4.14).
	ReleasedNoPage
	// ReleasedRetry: a retry with mmap_lock dropped, so that release can take it (6.15).
	ReleasedRetry
)

// Signals is which signals end the sleep of a fault.
type Signals uint8

const (
	// SignalsKillable: fatal ones.
	SignalsKillable Signals = iota
	// SignalsYield: in user mode any signal. The fault then ends as if the page were there:
	// the signal is handled, and the access made again (4.3).
	SignalsYield
	// SignalsByFlags: those that the fault flags name (5.7).
	SignalsByFlags
)

// Sleep is how a fault sleeps.
type Sleep uint8

const (
	// SleepTestsSignals: once, and not at all if a signal is pending that would end it.
	SleepTestsSignals Sleep = iota
	// SleepUntilWoken: likewise, but again if no waker of the fault ended it (4.10).
	SleepUntilWoken
	// SleepOnce: once, without a test: schedule() returns at once for such a signal (5.9).
	SleepOnce
)

// RegisterFacts are the facts of UFFDIO_REGISTER, and of UFFDIO_UNREGISTER.
type RegisterFacts struct {
	// NothingMappedInvalid: a range above which nothing is mapped is EINVAL, not ENOMEM (6.3).
	NothingMappedInvalid bool
	// OffsetOfRange: a merge is looked for with the page offset of the range, not of the VMA's
	// start (6.4).
	OffsetOfRange bool
}

// UnregisterFacts are the facts of UFFDIO_UNREGISTER.
type UnregisterFacts struct {
	// Wakes: the faults of the range are woken (4.11).
	Wakes bool
	// OwnerOnly: a range of another context is EINVAL (6.17).
	OwnerOnly bool
}

// CopyFacts are the facts of UFFDIO_COPY.
type CopyFacts struct {
	// KnowsWP: the mode WP is known. Where writes are not tracked it is EINVAL, but only when
	// the destination is looked up (5.7).
	KnowsWP bool
	// ChecksSource: the source must be user memory (6.6).
	ChecksSource bool
}
