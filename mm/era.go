package mm

// Era is how an address space behaves where kernels differ. The zero value is 4.3. A
// difference is named for what the later kernels do.
type Era struct {
	// RetriesForever: a fault may drop mmap_lock and be tried again any number of times,
	// not just once (5.7).
	RetriesForever bool
	// MoveUnregisters: mremap leaves the registration behind when it moves a mapping (5.0).
	MoveUnregisters bool
	// MoveChecksFirst: mremap checks all that it can before it unmaps anything, and moves
	// several mappings at once (6.17).
	MoveChecksFirst bool
	// MoveNotPrivateTwice: mremap does not duplicate private memory: a length of 0 is EINVAL (4.14).
	MoveNotPrivateTwice bool
	// MoveCountsFirst: mremap to a place of the caller's choice finds out that there will be too
	// many VMAs before it unmaps anything (5.2).
	MoveCountsFirst bool
	// MoveNeedsMapping: mremap of nothing mapped is EFAULT, also where it would only cut off (5.16).
	MoveNeedsMapping bool
	// MoveGrowsMerged: what mremap makes longer in place becomes one with the mapping behind it (6.0).
	MoveGrowsMerged bool
	// FillPreparesFirst: a fill prepares the anon_vma before it looks what the range is (6.9).
	FillPreparesFirst bool
	// HugeAdviceTwice: huge-page advice may be given twice (4.4).
	HugeAdviceTwice bool
	// AdvicePopulates: MADV_POPULATE_READ and MADV_POPULATE_WRITE are known (5.14).
	AdvicePopulates bool
	// PopulateStopsAtHole: MADV_POPULATE_READ and _WRITE end at the first address that is not
	// mapped; before, they populate what is behind it, too, as other advice does (6.10).
	PopulateStopsAtHole bool
	// NoReplace: MAP_FIXED_NOREPLACE is known; before, it is an address to begin the search at (4.17).
	NoReplace bool
	// ReturnsCharge: memory that was never written is not charged any more when mprotect takes
	// the right to write away (6.5).
	ReturnsCharge bool
	// SymmetricAnonVMA: of a range and its neighbour either may be the one that was never
	// faulted (6.17).
	SymmetricAnonVMA bool
	// FillFindsNothing: a page that is to be filled where nothing is registered is ENOENT,
	// and no longer EINVAL (4.11).
	FillFindsNothing bool
}
