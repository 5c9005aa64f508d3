package uffd

// Facts are the properties of userfaultfd in which kernels differ. Except for the masks,
// the zero value is the 2015 code. A release in parentheses is the first that has the
// property. Package kernel dates every change.
type Facts struct {
	// Features are the features that the handshake offers; it refuses to be asked for any
	// other (UFFD_API_FEATURES).
	Features uint64
	// APIIoctls are the ioctls of a descriptor (UFFD_API_IOCTLS).
	APIIoctls uint64
	// RangeIoctls are the ioctls of a registered range (UFFD_API_RANGE_IOCTLS).
	RangeIoctls uint64
	// Flags are the flags of userfaultfd(2).
	Flags uint32

	// LowAddress: the range of an ioctl may begin below mmap_min_addr (7.1).
	LowAddress bool

	Handshake  Handshake
	Create     CreateFacts
	Pins       Pins
	MemoryGone MemoryGone

	// MasksAddress: a message carries the address of the page, not of the byte, unless
	// the handshake asked for FeatureExactAddress (4.10).
	MasksAddress bool
	Released     Released
	Signals      Signals
	Sleep        Sleep
	// CountsRefiles: a sequence count covers the move of a fault between the queues, so
	// that no waker finds both empty during the move (4.3).
	CountsRefiles bool
	// MustWaitRereads: a fault that finds its entry none after it was queued reads it
	// again under the page table's lock. No kernel does: it is a candidate fix of finding
	// 3 in docs/findings.md.
	MustWaitRereads bool

	Register   RegisterFacts
	Unregister UnregisterFacts
	Copy       CopyFacts
}

// Offers reports whether RangeIoctls has a bit of the mask. The kernel knows UFFDIO_COPY
// and UFFDIO_ZEROPAGE if and only if it offers them.
func (f *Facts) Offers(mask uint64) bool { return f.RangeIoctls&mask != 0 }

// Handshake says how UFFDIO_API affects the other ioctls and a second UFFDIO_API.
type Handshake uint8

const (
	// HandshakeOpen: every ioctl also works before the handshake.
	HandshakeOpen Handshake = iota
	// HandshakeGated: every other ioctl returns EINVAL before the handshake (4.3).
	HandshakeGated
	// HandshakeCompareExchange: in addition, two concurrent handshakes cannot both
	// succeed. A second handshake is refused last, after the answer has been stored; the
	// kernel then zeroes the struct (5.15).
	HandshakeCompareExchange
)

// CreateFacts are the facts of userfaultfd(2) and of the file that it creates.
type CreateFacts struct {
	// PutsMM: if creating the file fails, the reference on the mm is dropped (4.3). The
	// 2015 code leaks it.
	PutsMM bool
	// ContextFirst: the flags are checked and the context is created before a descriptor
	// is reserved (4.16).
	ContextFirst bool
	// Seekable: lseek(2) succeeds and changes nothing (6.0). Before, it returns ESPIPE.
	Seekable bool
	// ReadOnly: the file is open for reading only (6.1).
	ReadOnly bool
}

// Pins says which reference a context holds on its mm.
type Pins uint8

const (
	// PinsMemory: a user reference (mm_users), which keeps the memory.
	PinsMemory Pins = iota
	// PinsStruct: a reference on the mm_struct alone (mm_count). The memory can be torn
	// down while the context exists (4.7).
	PinsStruct
)

// MemoryGone is the error of UFFDIO_COPY and UFFDIO_ZEROPAGE if the memory has been torn
// down.
type MemoryGone uint8

const (
	// MemoryGoneInvalid: EINVAL, which is also stored in the out field.
	MemoryGoneInvalid MemoryGone = iota
	// MemoryGoneNoSpace: ENOSPC from UFFDIO_COPY; UFFDIO_ZEROPAGE still returns EINVAL
	// (4.11).
	MemoryGoneNoSpace
	// MemoryGoneNoProcess: ESRCH (4.13).
	MemoryGoneNoProcess
)

// Released is the result of a fault on a released context.
type Released uint8

const (
	// ReleasedSIGBUS: SIGBUS.
	ReleasedSIGBUS Released = iota
	// ReleasedNoPage: success without a page. mmap_lock stays held, and the task repeats
	// the access (4.14).
	ReleasedNoPage
	// ReleasedRetry: a retry with mmap_lock dropped, so that release can take it (6.15).
	ReleasedRetry
)

// Signals says which signals end the sleep of a fault.
type Signals uint8

const (
	// SignalsKillable: fatal signals.
	SignalsKillable Signals = iota
	// SignalsYield: fatal signals, and in a fault of user mode any signal. The latter
	// ends the fault as if the page were present: the task runs the handler and repeats
	// the access (4.3).
	SignalsYield
	// SignalsByFlags: the signals that the fault flags select (5.7).
	SignalsByFlags
)

// Sleep says how often a fault sleeps, and whether it tests for signals first.
type Sleep uint8

const (
	// SleepTestsSignals: once, unless a signal that would end the sleep is pending.
	SleepTestsSignals Sleep = iota
	// SleepUntilWoken: likewise, but the fault sleeps again after a wake-up that was not
	// for this fault (4.10).
	SleepUntilWoken
	// SleepOnce: once, without a test. schedule() returns at once if such a signal is
	// pending (5.9).
	SleepOnce
)

// RegisterFacts are the facts of both UFFDIO_REGISTER and UFFDIO_UNREGISTER.
type RegisterFacts struct {
	// NothingMappedInvalid: EINVAL if nothing is mapped at or above the range (6.3).
	// Before, ENOMEM.
	NothingMappedInvalid bool
	// OffsetOfRange: the search for a merge uses the page offset of the range's start
	// (6.4). Before, it uses that of the VMA's start.
	OffsetOfRange bool
}

// UnregisterFacts are the facts of UFFDIO_UNREGISTER.
type UnregisterFacts struct {
	// Wakes: the faults in the range are woken (4.11).
	Wakes bool
	// OwnerOnly: EINVAL for a range of another context (6.17).
	OwnerOnly bool
}

// CopyFacts are the facts of UFFDIO_COPY.
type CopyFacts struct {
	// KnowsWP: the mode WP is known (5.7). The lookup of the destination still returns
	// EINVAL for it unless the VMA is registered for write-protection.
	KnowsWP bool
	// ChecksSource: the source must be user memory (6.6).
	ChecksSource bool
}
