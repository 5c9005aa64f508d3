package mm

import (
	"strings"

	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
)

// Page sizes, in bytes.
const (
	PageShift = page.Shift
	PageSize  = page.Size
	PageMask  = page.Mask

	PMDShift = pgtable.PMDShift
	PMDSize  = pgtable.PMDSize // size of a huge page, which one entry of a PMD table maps
	PMDMask  = pgtable.PMDMask
)

// PageAlign rounds up to a multiple of the page size: PAGE_ALIGN. The last page of the
// 64-bit range wraps around to 0.
func PageAlign(n uint64) uint64 { return (n + PageSize - 1) & PageMask }

// VMFlags are the vm_flags of a VMA, with the kernel's values.
type VMFlags uint64

// The flags that are modelled.
const (
	VMRead     VMFlags = 0x1
	VMWrite    VMFlags = 0x2
	VMExec     VMFlags = 0x4
	VMShared   VMFlags = 0x8
	VMMayRead  VMFlags = 0x10
	VMMayWrite VMFlags = 0x20
	VMMayExec  VMFlags = 0x40
	VMMayShare VMFlags = 0x80

	VMGrowsDown   VMFlags = 0x100
	VMUffdMissing VMFlags = 0x200 // missing pages are userfaults
	VMPFNMap      VMFlags = 0x400
	VMUffdWP      VMFlags = 0x1000 // write-protected pages are userfaults
	VMLocked      VMFlags = 0x2000
	VMIO          VMFlags = 0x4000
	VMSeqRead     VMFlags = 0x8000
	VMRandRead    VMFlags = 0x10000
	VMDontCopy    VMFlags = 0x20000
	VMDontExpand  VMFlags = 0x40000
	VMAccount     VMFlags = 0x100000
	VMNoReserve   VMFlags = 0x200000
	VMHugeTLB     VMFlags = 0x400000
	VMDontDump    VMFlags = 0x4000000
	VMSoftDirty   VMFlags = 0x8000000
	VMMixedMap    VMFlags = 0x10000000
	VMHugePage    VMFlags = 0x20000000
	VMNoHugePage  VMFlags = 0x40000000

	VMUffdMinor VMFlags = 1 << 41 // pages that the page cache has are userfaults, too (5.13)

	// VMSpecial are the flags with which a VMA never merges: VM_SPECIAL.
	VMSpecial = VMIO | VMDontExpand | VMPFNMap | VMMixedMap
	// VMUffd are the tracking modes. A VMA has one of them if and only if it has a
	// userfault context.
	VMUffd = VMUffdMissing | VMUffdWP

	vmAccess = VMRead | VMWrite | VMExec
)

// Prot returns the access rights in the format of /proc/PID/maps: "rw-p".
func (f VMFlags) Prot() string {
	b := []byte("---p")
	for i, bit := range []VMFlags{VMRead, VMWrite, VMExec} {
		if f&bit != 0 {
			b[i] = "rwx"[i]
		}
	}
	if f&VMMayShare != 0 {
		b[3] = 's'
	}
	return string(b)
}

// FaultFlags are the FAULT_FLAG_ bits of a page fault, with the kernel's values.
type FaultFlags uint32

// The fault flags.
const (
	FaultWrite       FaultFlags = 0x1  // the access is a write
	FaultAllowRetry  FaultFlags = 0x4  // the fault may drop mmap_lock and ask for a retry
	FaultRetryNowait FaultFlags = 0x8  // with FaultAllowRetry: it must not drop it, nor sleep
	FaultKillable    FaultFlags = 0x10 // a fatal signal may end the wait
	FaultTried       FaultFlags = 0x20 // this is the retry
	FaultUser        FaultFlags = 0x40 // the access came from user mode
	// FaultInterruptible: any signal may end the wait, not only a fatal one (5.7).
	FaultInterruptible FaultFlags = 0x200
)

// FaultResult are the VM_FAULT_ bits that a fault returns. If there are none besides
// VMFaultMajor, the fault is resolved and the access is to be repeated.
type FaultResult uint32

// The fault results.
const (
	VMFaultOOM     FaultResult = 0x1
	VMFaultSIGBUS  FaultResult = 0x2
	VMFaultMajor   FaultResult = 0x4 // the fault slept
	VMFaultSIGSEGV FaultResult = 0x40
	VMFaultRetry   FaultResult = 0x400 // mmap_lock was dropped: repeat the fault
	// VMFaultFallback: no huge page can be mapped here; use small pages.
	VMFaultFallback FaultResult = 0x800
)

// String returns the names of the bits: "VM_FAULT_RETRY|VM_FAULT_MAJOR", or "0".
func (r FaultResult) String() string {
	if r == 0 {
		return "0"
	}
	var parts []string
	for _, bit := range []struct {
		bit  FaultResult
		name string
	}{
		{VMFaultOOM, "OOM"}, {VMFaultSIGBUS, "SIGBUS"}, {VMFaultSIGSEGV, "SIGSEGV"},
		{VMFaultRetry, "RETRY"}, {VMFaultMajor, "MAJOR"}, {VMFaultFallback, "FALLBACK"},
	} {
		if r&bit.bit != 0 {
			parts = append(parts, "VM_FAULT_"+bit.name)
		}
	}
	return strings.Join(parts, "|")
}

// Prot are the PROT_ bits of mmap and mprotect, with Linux's values.
type Prot uint32

// The protections.
const (
	ProtNone  Prot = 0
	ProtRead  Prot = 0x1
	ProtWrite Prot = 0x2
	ProtExec  Prot = 0x4
	ProtSem   Prot = 0x8 // valid, but without an effect on x86

	// ProtGrowsDown makes mprotect extend the range to the start of a mapping that grows
	// down, ProtGrowsUp to the end of one that grows up. x86 has none that grows up.
	ProtGrowsDown Prot = 0x01000000
	ProtGrowsUp   Prot = 0x02000000
)

// vmFlags returns the VM_ bits of the protection: calc_vm_prot_bits. PROT_ and VM_ values
// are the same; other bits are ignored.
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
	// MapFixedNoReplace is MapFixed that fails with EEXIST instead of replacing a mapping
	// (4.17).
	MapFixedNoReplace MapFlags = 0x100000
)

// vmFlags returns the VM_ bits of the mapping flags: calc_vm_flag_bits.
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

// Advice is the advice argument of madvise, with Linux's values.
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
