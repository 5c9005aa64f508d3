package mm

// Facts say how an address space behaves where kernels differ. The zero value is 4.3.
// Package kernel dates every change of them.
type Facts struct {
	// Retries is how often a fault may ask to be retried.
	Retries Retries
	// InterruptibleFaults: a signal may end the sleep of a fault. The processor's faults carry
	// FAULT_FLAG_INTERRUPTIBLE, those of get_user_pages FAULT_FLAG_KILLABLE (5.7).
	InterruptibleFaults bool

	// MajorIfRetried: a fault is counted as major if it was retried, not if it slept (5.9).
	MajorIfRetried bool

	// AnonVMAMerge is which side of a merge may lack an anon_vma.
	AnonVMAMerge AnonVMAMerge
	// FixedNoReplace: mmap knows MAP_FIXED_NOREPLACE. A kernel that does not takes the address
	// for a hint (4.17).
	FixedNoReplace bool
	// HugeAdviceTwice: huge-page advice may be given twice (4.4).
	HugeAdviceTwice bool
	// ReturnsCharge: mprotect that takes the right to write away returns the commit charge of
	// memory that was never written (6.7).
	ReturnsCharge bool

	Populate Populate
	Mremap   MremapFacts
	Fill     FillFacts
}

// Retries is how often a fault may drop mmap_lock and ask to be retried.
type Retries uint8

const (
	// RetryOnce: the retry may not sleep (FAULT_FLAG_ALLOW_RETRY is cleared).
	RetryOnce Retries = iota
	// RetryForever: every retry may sleep again (5.7).
	RetryForever
)

// AnonVMAMerge is what a range and its neighbour need in order to merge if exactly one
// of them has an anon_vma.
type AnonVMAMerge uint8

const (
	// AnonVMANeighbour: the neighbour must be the one that has it.
	AnonVMANeighbour AnonVMAMerge = iota
	// AnonVMAEither: either may have it (6.16).
	AnonVMAEither
)

// Populate is what madvise knows of MADV_POPULATE_READ and MADV_POPULATE_WRITE.
type Populate uint8

const (
	// PopulateUnknown: nothing; they are EINVAL.
	PopulateUnknown Populate = iota
	// PopulatePassesHoles: what is mapped behind a hole is populated, too, as other advice
	// does (5.14).
	PopulatePassesHoles
	// PopulateStopsAtHole: they end at the first address that is not mapped (6.10).
	PopulateStopsAtHole
)

// MremapFacts are the facts of mremap.
type MremapFacts struct {
	// RefusesDuplicate: private memory is not duplicated; a length of 0 is EINVAL (4.14).
	RefusesDuplicate bool
	// Unregisters: a mapping that moves leaves its registration behind (5.0).
	Unregisters bool
	// CountsFirst: a move to a given address checks the number of VMAs before it unmaps
	// anything (5.2).
	CountsFirst bool
	// NeedsMapping: an unmapped address is EFAULT also where mremap only unmaps (5.16).
	NeedsMapping bool
	// MergesGrown: memory that grows in place merges with the mapping behind it (6.1).
	MergesGrown bool
	// ChecksFirst: every check comes before the first change, and one call may move several
	// mappings (6.17).
	ChecksFirst bool
}

// FillFacts are the facts of the functions that fill missing pages.
type FillFacts struct {
	// NotFound: a page where nothing is registered is ENOENT, and no longer EINVAL (4.11).
	NotFound bool
	// PreparesFirst: the anon_vma is prepared before the range is checked (6.9).
	PreparesFirst bool
}
