package abi

import (
	"slices"

	"github.com/uffdsim/uffdsim/mm"
)

// Version is a point in the kernel's history: what userfaultfd is at it. The code
// asks for a fact by its name here, and never which version it runs: a later version
// is a further row of the table, and a difference to it a further fact.
type Version struct {
	Name        string
	Features    uint64 // what the handshake answers
	APIIoctls   uint64 // mask of the descriptor's ioctls
	RangeIoctls uint64 // mask of a registered range's ioctls
	HasCopy     bool   // UFFDIO_COPY and UFFDIO_ZEROPAGE are known
	// GatesIoctls: before the handshake every other ioctl is EINVAL.
	GatesIoctls bool
	// RefileSeq: a sequence count covers the move of a fault between the queues, so that
	// no waker finds both empty.
	RefileSeq bool
	// YieldsToSignals: a fault in user mode ends for any signal, and is taken anew when
	// that has been handled.
	YieldsToSignals bool
	// Negotiates: the handshake may ask for features, and is one exchange at its end, so
	// that a second one is refused only there, with the struct zeroed (since 5.17).
	Negotiates bool
	// MasksAddress: messages carry the address of the page, unless EXACT_ADDRESS was asked
	// for (since 4.10).
	MasksAddress bool
	// Interruptible: faults sleep INTERRUPTIBLE, and any signal ends the sleep; and nothing
	// but a look at the page and at released stands before it (since 5.7).
	Interruptible bool
	// ReleasedRetries: a fault on a released context is tried again (since 6.15).
	ReleasedRetries bool
	// Flags are those of userfaultfd(2); FlagsFirst says that they are looked at before
	// there is a descriptor (since 4.19).
	Flags      uint32
	FlagsFirst bool
	// ReadOnly: the file is opened for reading only (since 6.1).
	ReadOnly bool
	// PinsStruct: a context keeps the mm_struct, and not the memory (since 4.10).
	PinsStruct bool
	// NoLowAddress: it is all the same whether a range is below mmap_min_addr (6.18.y).
	NoLowAddress bool
	// NothingIsInvalid: a range above which nothing is mapped is EINVAL, not ENOMEM (6.4).
	NothingIsInvalid bool
	// OffsetOfRange: a registration looks for merges with the page offset of the range, not
	// of the VMA's start (6.4).
	OffsetOfRange bool
	// OwnerUnregisters: only the context that a range is registered with may unregister it
	// (6.15), and its sleepers are woken (4.11).
	OwnerUnregisters bool
	// ChecksSource: the source of a copy must be user memory (6.6).
	ChecksSource bool
	// Era is what differs in the memory below.
	Era mm.Era
	// PutsMM: a context that could not get a file gives its mm up.
	PutsMM bool
}

// versions is the table. 2015+copy is 2015 with the two ioctls of the same series that
// put pages in place: 2015 alone has none that does.
var versions = []Version{
	{
		Name:        "2015",
		Flags:       OCloexec | ONonblock,
		APIIoctls:   MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls: MaskWake,
	},
	{
		Name:        "2015+copy",
		Flags:       OCloexec | ONonblock,
		APIIoctls:   MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls: MaskWake | MaskCopy | MaskZeropage,
		HasCopy:     true,
	},
	{
		Name:            "4.3",
		Flags:           OCloexec | ONonblock,
		APIIoctls:       MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls:     MaskWake | MaskCopy | MaskZeropage,
		HasCopy:         true,
		GatesIoctls:     true,
		RefileSeq:       true,
		YieldsToSignals: true,
		PutsMM:          true,
	},
	{
		Name:             "6.18",
		Features:         FeatureMove<<1 - 1,
		APIIoctls:        MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls:      MaskWake | MaskCopy | MaskZeropage | MaskMove | MaskWriteprotect | MaskContinue | MaskPoison,
		HasCopy:          true,
		GatesIoctls:      true,
		RefileSeq:        true,
		PutsMM:           true,
		Negotiates:       true,
		MasksAddress:     true,
		Interruptible:    true,
		ReleasedRetries:  true,
		Flags:            OCloexec | ONonblock | UserModeOnly,
		FlagsFirst:       true,
		ReadOnly:         true,
		PinsStruct:       true,
		NoLowAddress:     true,
		NothingIsInvalid: true,
		OffsetOfRange:    true,
		OwnerUnregisters: true,
		ChecksSource:     true,
		Era: mm.Era{
			RetriesForever: true, MoveUnregisters: true, MoveChecksFirst: true, ReturnsCharge: true, SymmetricAnonVMA: true, FillFindsNothing: true,
		},
	},
}

// Versions are all versions, the oldest first. The slice is the caller's own.
func Versions() []Version { return slices.Clone(versions) }

// Lookup finds a version by its name.
func Lookup(name string) (Version, bool) {
	for _, v := range versions {
		if v.Name == name {
			return v, true
		}
	}
	return Version{}, false
}
