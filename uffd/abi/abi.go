// Package abi defines userfaultfd's binary interface: ioctl numbers, struct layouts, the
// message that read(2) returns, and the bits of features and masks.
//
// Everything is little-endian, with the layout of x86-64. Encode and Decode convert
// between a Go struct and the bytes that a program passes to the kernel. They allocate
// nothing.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): all of the package. Nothing is
// internal.
package abi

// APIVersion is the only version of the interface: UFFD_API.
const APIVersion = 0xAA

// Flags of userfaultfd(2) and of the file that it returns.
const (
	ORdonly   = 0x0
	ORdwr     = 0x2
	ONonblock = 0x800
	OCloexec  = 0x80000
	// UserModeOnly: a fault in kernel mode is SIGBUS (since 5.11).
	UserModeOnly = 0x1
)

// Modes of UFFDIO_REGISTER.
const (
	RegisterModeMissing = 1 << 0
	RegisterModeWP      = 1 << 1
	RegisterModeMinor   = 1 << 2 // since 5.13
)

// Modes of UFFDIO_COPY and UFFDIO_ZEROPAGE.
const (
	CopyModeDontwake     = 1 << 0 // do not wake the faults of the pages
	CopyModeWP           = 1 << 1 // write-protect the pages; since 5.7
	ZeropageModeDontwake = 1 << 0 // do not wake the faults of the pages
)

// EventPagefault is the event of a message about a page fault.
const EventPagefault = 0x12

// Flags of a page-fault message.
const (
	PagefaultFlagWrite = 1 << 0 // the access was a write
	PagefaultFlagWP    = 1 << 1 // the page was write-protected
)

// Features of the interface. A program may ask for features since 4.11.
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

	// FeatureInitialized is internal to the kernel: the handshake has been made.
	FeatureInitialized = 1 << 31
)
