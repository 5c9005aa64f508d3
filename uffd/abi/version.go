package abi

import "slices"

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
	// PutsMM: a context that could not get a file gives its mm up.
	PutsMM bool
}

// versions is the table. 2015+copy is 2015 with the two ioctls of the same series that
// put pages in place: 2015 alone has none that does.
var versions = []Version{
	{
		Name:        "2015",
		APIIoctls:   MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls: MaskWake,
	},
	{
		Name:        "2015+copy",
		APIIoctls:   MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls: MaskWake | MaskCopy | MaskZeropage,
		HasCopy:     true,
	},
	{
		Name:            "4.3",
		APIIoctls:       MaskAPI | MaskRegister | MaskUnregister,
		RangeIoctls:     MaskWake | MaskCopy | MaskZeropage,
		HasCopy:         true,
		GatesIoctls:     true,
		RefileSeq:       true,
		YieldsToSignals: true,
		PutsMM:          true,
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
