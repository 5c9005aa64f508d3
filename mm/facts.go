package mm

// Facts are the behaviours in which kernel versions differ. The zero value is 4.3. The
// version in parentheses is the one that introduced the behaviour; package kernel has the
// dated list.
type Facts struct {
	// Retries is how often a fault may ask for a retry.
	Retries Retries
	// InterruptibleFaults: any signal ends the sleep of a fault that the processor raised
	// (FAULT_FLAG_INTERRUPTIBLE), and a fatal one that of a fault from get_user_pages
	// (FAULT_FLAG_KILLABLE) (5.7).
	InterruptibleFaults bool

	// MajorIfRetried: a fault is counted as major if it was retried (5.9). Before, it
	// was if it slept.
	MajorIfRetried bool

	// AnonVMAMerge says which side of a merge may lack an anon_vma.
	AnonVMAMerge AnonVMAMerge
	// FixedNoReplace: mmap supports MAP_FIXED_NOREPLACE (4.17). Before, mmap ignored the
	// flag and took the address as a hint.
	FixedNoReplace bool
	// HugeAdviceTwice: MADV_HUGEPAGE and MADV_NOHUGEPAGE succeed if the advice is in
	// effect already (4.4). Before, they were EINVAL.
	HugeAdviceTwice bool
	// ReturnsCharge: mprotect that removes write access returns the commit charge of
	// memory that was never written (6.7).
	ReturnsCharge bool

	Populate Populate
	Mremap   MremapFacts
	Fill     FillFacts
}

// Retries is how often a fault may drop mmap_lock and ask for a retry.
type Retries uint8

const (
	// RetryOnce: the retry may not sleep (FAULT_FLAG_ALLOW_RETRY is cleared).
	RetryOnce Retries = iota
	// RetryForever: every retry may sleep again, and ask for another retry (5.7).
	RetryForever
)

// AnonVMAMerge says when a range and its neighbour may merge if exactly one of them has
// an anon_vma.
type AnonVMAMerge uint8

const (
	// AnonVMANeighbour: if the neighbour has it.
	AnonVMANeighbour AnonVMAMerge = iota
	// AnonVMAEither: whichever has it (6.16).
	AnonVMAEither
)

// Populate is how madvise handles MADV_POPULATE_READ and MADV_POPULATE_WRITE.
type Populate uint8

const (
	// PopulateUnknown: they are EINVAL.
	PopulateUnknown Populate = iota
	// PopulatePassesHoles: they skip unmapped parts of the range and return ENOMEM at the
	// end, as other advice does (5.14).
	PopulatePassesHoles
	// PopulateStopsAtHole: they return ENOMEM at the first unmapped address (6.10).
	PopulateStopsAtHole
)

// MremapFacts are the facts of mremap.
type MremapFacts struct {
	// RefusesDuplicate: an old length of 0 is EINVAL for private memory (4.14). Before,
	// it duplicated the mapping.
	RefusesDuplicate bool
	// Unregisters: a mapping that moves loses its registration (5.0).
	Unregisters bool
	// CountsFirst: a move to a given address checks the number of VMAs before it unmaps
	// anything (5.2).
	CountsFirst bool
	// NeedsMapping: an unmapped address is EFAULT even if mremap would only unmap (5.16).
	NeedsMapping bool
	// MergesGrown: memory that grows in place merges with the next mapping (6.1).
	MergesGrown bool
	// ChecksFirst: all checks precede the first change, and one call may move several
	// mappings (6.17).
	ChecksFirst bool
}

// FillFacts are the facts of the functions that fill missing pages.
type FillFacts struct {
	// NotFound: a range that is not in one registered VMA is ENOENT (4.11). Before, it
	// was EINVAL.
	NotFound bool
	// PreparesFirst: the anon_vma is prepared before the range is checked, so that a fill
	// that fails leaves it behind (6.9).
	PreparesFirst bool
}
