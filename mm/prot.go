package mm

// Prot are the PROT_ bits of mmap and mprotect, with Linux's values.
type Prot uint32

// The protections.
const (
	ProtNone  Prot = 0
	ProtRead  Prot = 0x1
	ProtWrite Prot = 0x2
	ProtExec  Prot = 0x4
	ProtSem   Prot = 0x8 // valid, and without a meaning on x86

	// ProtGrowsDown asks mprotect to go on to the start of a stack, ProtGrowsUp to
	// the end of one that grows the other way, which x86 does not have.
	ProtGrowsDown Prot = 0x01000000
	ProtGrowsUp   Prot = 0x02000000
)

// vmFlags are the VM_ bits of the protection: calc_vm_prot_bits. The values are the
// same; bits that mean nothing are ignored.
func (p Prot) vmFlags() VMFlags { return VMFlags(p) & vmAccess }

// MapFlags are the MAP_ bits of mmap, with Linux's values.
type MapFlags uint32

// The mapping flags.
const (
	MapShared    MapFlags = 0x1
	MapPrivate   MapFlags = 0x2
	MapType      MapFlags = 0xf // the bits that hold one of the two above
	MapFixed     MapFlags = 0x10
	MapAnonymous MapFlags = 0x20
	MapGrowsDown MapFlags = 0x100
	MapLocked    MapFlags = 0x2000
	MapNoReserve MapFlags = 0x4000
	// MapFixedNoReplace is MapFixed that refuses to unmap anything. It came with 4.17
	// and is here because no test can do without it.
	MapFixedNoReplace MapFlags = 0x100000
)

// vmFlags are the VM_ bits that the mapping flags stand for: calc_vm_flag_bits.
func (f MapFlags) vmFlags() VMFlags {
	var v VMFlags
	if f&MapGrowsDown != 0 {
		v |= VMGrowsDown
	}
	if f&MapLocked != 0 {
		v |= VMLocked
	}
	return v
}

// MremapFlags are the MREMAP_ bits, with Linux's values.
type MremapFlags uint32

// The mremap flags.
const (
	MremapMayMove MremapFlags = 0x1
	MremapFixed   MremapFlags = 0x2
)

// Advice is what madvise is told, with Linux's values.
type Advice int

// The advice that is modelled.
const (
	MadvNormal        Advice = 0
	MadvRandom        Advice = 1
	MadvSequential    Advice = 2
	MadvWillNeed      Advice = 3
	MadvDontNeed      Advice = 4
	MadvDontFork      Advice = 10
	MadvDoFork        Advice = 11
	MadvHugePage      Advice = 14
	MadvNoHugePage    Advice = 15
	MadvDontDump      Advice = 16
	MadvDoDump        Advice = 17
	MadvPopulateRead  Advice = 22 // since 5.14
	MadvPopulateWrite Advice = 23 // since 5.14
)
