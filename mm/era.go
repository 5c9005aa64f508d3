package mm

// Era is how an address space behaves where kernels differ. The zero value is 4.3. A
// difference is named for what the later kernels do.
type Era struct {
	// RetriesForever: a fault may drop mmap_lock and be tried again any number of times,
	// not just once (5.7).
	RetriesForever bool
	// MoveUnregisters: mremap leaves the registration behind when it moves a mapping (4.20).
	MoveUnregisters bool
	// MoveChecksFirst: mremap checks all that it can before it unmaps anything, and moves
	// several mappings at once (6.17).
	MoveChecksFirst bool
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
