package abi

import (
	"slices"

	"github.com/uffdsim/uffdsim/errno"
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
	// TakesFeatures: the handshake may ask for features (since 4.11).
	TakesFeatures bool
	// Negotiates: the handshake is one exchange at its end, so that a second one is refused
	// only there, with the struct zeroed (since 5.17).
	Negotiates bool
	// MasksAddress: messages carry the address of the page, unless EXACT_ADDRESS was asked
	// for (since 4.10).
	MasksAddress bool
	// WaitsToBeWoken: a fault that wakes up for no reason of its own sleeps again (from 4.10 to 5.8).
	WaitsToBeWoken bool
	// Interruptible: faults of the processor sleep INTERRUPTIBLE, those of kernel mode, too, and
	// any signal ends the sleep (since 5.7). get_user_pages asks for no such sleep.
	Interruptible bool
	// LeavesSignals: nobody looks for signals before the sleep, which is none if there is
	// one (since 5.9).
	LeavesSignals bool
	// ReleasedIsNoPage: a fault on a released context has nothing to do, with mmap_lock held,
	// and the access is made again (since 4.14). ReleasedRetries: it drops the lock and asks
	// for a retry (since 6.15).
	ReleasedIsNoPage bool
	ReleasedRetries  bool
	// Flags are those of userfaultfd(2); FlagsFirst says that they are looked at before
	// there is a descriptor (since 4.19).
	Flags      uint32
	FlagsFirst bool
	// ReadOnly: the file is opened for reading only (since 6.1).
	ReadOnly bool
	// Seeks: lseek(2) comes as far as to the file, which leaves its position alone; before 6.0
	// it is ESPIPE.
	Seeks bool
	// PinsStruct: a context keeps the mm_struct, and not the memory (since 4.10).
	PinsStruct bool
	// NoLowAddress: it is all the same whether a range is below mmap_min_addr (6.18.y).
	NoLowAddress bool
	// NothingIsInvalid: a range above which nothing is mapped is EINVAL, not ENOMEM (6.4).
	NothingIsInvalid bool
	// OffsetOfRange: a registration looks for merges with the page offset of the range, not
	// of the VMA's start (6.4).
	OffsetOfRange bool
	// WakesUnregistered: the sleepers of what is unregistered are woken (since 4.11).
	WakesUnregistered bool
	// OwnerUnregisters: only the context that a range is registered with may unregister it
	// (since 6.15).
	OwnerUnregisters bool
	// CopyKnowsWP: UFFDIO_COPY knows the mode WP, which is EINVAL where writes are not tracked, but
	// only then (since 5.7).
	CopyKnowsWP bool
	// ChecksSource: the source of a copy must be user memory (6.6).
	ChecksSource bool
	// NoMemory is what a fill ends with when the memory has gone; nil where a context keeps it.
	NoMemory error
	// Era is what differs in the memory below.
	Era mm.Era
	// PutsMM: a context that could not get a file gives its mm up.
	PutsMM bool
}

// history is the table: what each version changed. 2015+copy is 2015 with the two ioctls of
// the same series that put pages in place: 2015 alone has none that does. What came between
// two of them is counted to the later one.
var history = []struct {
	name    string
	changes func(v *Version)
}{
	{"2015", func(v *Version) {
		v.APIIoctls = MaskAPI | MaskRegister | MaskUnregister
		v.RangeIoctls = MaskWake
		v.Flags = OCloexec | ONonblock
	}},
	{"2015+copy", func(v *Version) {
		v.RangeIoctls |= MaskCopy | MaskZeropage
		v.HasCopy = true
	}},
	{"4.3", func(v *Version) {
		v.GatesIoctls, v.RefileSeq, v.YieldsToSignals, v.PutsMM = true, true, true, true
	}},
	{"4.11", func(v *Version) {
		v.Features = FeatureEventFork | FeatureEventRemap | FeatureEventRemove | FeatureEventUnmap |
			FeatureMissingHugetlbfs | FeatureMissingShmem
		v.TakesFeatures, v.WakesUnregistered = true, true
		v.MasksAddress, v.PinsStruct, v.WaitsToBeWoken = true, true, true
		v.NoMemory = errno.ENOSPC
		v.Era.FillFindsNothing, v.Era.HugeAdviceTwice = true, true
	}},
	{"4.14", func(v *Version) {
		v.Features |= FeatureSIGBUS | FeatureThreadID
		v.ReleasedIsNoPage = true
		v.NoMemory = errno.ESRCH
		v.Era.MoveNotPrivateTwice = true
	}},
	{"4.20", func(v *Version) {
		v.FlagsFirst = true
		v.Era.NoReplace = true
	}},
	{"5.7", func(v *Version) {
		v.Features |= FeaturePagefaultFlagWP
		v.RangeIoctls |= MaskWriteprotect
		v.Interruptible, v.YieldsToSignals = true, false
		v.CopyKnowsWP = true
		v.Era.RetriesForever, v.Era.MoveUnregisters, v.Era.MoveCountsFirst = true, true, true
	}},
	{"5.11", func(v *Version) {
		v.Flags |= UserModeOnly
		v.WaitsToBeWoken, v.LeavesSignals = false, true
	}},
	{"5.14", func(v *Version) {
		v.Features |= FeatureMinorHugetlbfs | FeatureMinorShmem
		v.RangeIoctls |= MaskContinue
		v.Era.AdvicePopulates = true
	}},
	{"5.17", func(v *Version) { v.Negotiates, v.Era.MoveNeedsMapping = true, true }},
	{"5.19", func(v *Version) { v.Features |= FeatureExactAddress | FeatureWPHugetlbfsShmem }},
	{"6.1", func(v *Version) { v.ReadOnly, v.Seeks, v.Era.MoveGrowsMerged = true, true, true }},
	{"6.4", func(v *Version) {
		v.Features |= FeatureWPUnpopulated
		v.NothingIsInvalid, v.OffsetOfRange = true, true
	}},
	{"6.8", func(v *Version) {
		v.Features |= FeaturePoison | FeatureWPAsync | FeatureMove
		v.RangeIoctls |= MaskPoison | MaskMove
		v.ChecksSource = true
		v.Era.ReturnsCharge = true
	}},
	{"6.17", func(v *Version) {
		v.Era.PopulateStopsAtHole = true
		v.OwnerUnregisters, v.ReleasedRetries, v.ReleasedIsNoPage = true, true, false
		v.Era.SymmetricAnonVMA, v.Era.MoveChecksFirst, v.Era.FillPreparesFirst = true, true, true
	}},
	{"6.18", func(v *Version) { v.NoLowAddress = true }},
}

// versions are the rows: each is the one before it with its changes.
var versions = func() (all []Version) {
	var v Version
	for _, row := range history {
		v.Name = row.name
		row.changes(&v)
		all = append(all, v)
	}
	return all
}()

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
