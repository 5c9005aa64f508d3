// Package abi is userfaultfd's binary interface: ioctl numbers, struct layouts, the
// message that read(2) returns, and the bits of features and masks.
//
// Everything is little-endian and laid out as on x86-64. Encode and Decode work on
// the bytes that a program would pass, and allocate nothing.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): all of the package.
package abi

// APIVersion is the one version of the interface that there is: UFFD_API.
const APIVersion = 0xAA

// Flags of userfaultfd(2) and of the file that it returns.
const (
	ORdonly   = 0x0
	ORdwr     = 0x2
	ONonblock = 0x800
	OCloexec  = 0x80000
	// UserModeOnly: faults in kernel mode are errors (5.11).
	UserModeOnly = 0x1
)

// Modes of UFFDIO_REGISTER.
const (
	RegisterModeMissing = 1 << 0
	RegisterModeWP      = 1 << 1
)

// Modes of UFFDIO_COPY and UFFDIO_ZEROPAGE: do not wake who waits for the pages.
const (
	CopyModeDontwake     = 1 << 0
	CopyModeWP           = 1 << 1 // since 5.7
	ZeropageModeDontwake = 1 << 0
)

// EventPagefault is the event of a message about a page fault.
const EventPagefault = 0x12

// Flags of a page-fault message.
const (
	PagefaultFlagWrite = 1 << 0 // the access was a write
	PagefaultFlagWP    = 1 << 1 // to a write-protected page
)

// Features of the interface, which a program may ask for since 4.11.
const (
	FeaturePagefaultFlagWP = 1 << iota
	FeatureEventFork
	FeatureEventRemap
	FeatureEventRemove
	FeatureMissingHugetlbfs
	FeatureMissingShmem
	FeatureEventUnmap
	FeatureSIGBUS
	FeatureThreadID
	FeatureMinorHugetlbfs
	FeatureMinorShmem
	FeatureExactAddress
	FeatureWPHugetlbfsShmem
	FeatureWPUnpopulated
	FeaturePoison
	FeatureWPAsync
	FeatureMove

	// FeatureInitialized is the kernel's own: the handshake has been made.
	FeatureInitialized = 1 << 31
)
