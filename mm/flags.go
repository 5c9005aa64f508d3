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
	PMDSize  = pgtable.PMDSize // what one entry of a PMD table maps: a huge page
	PMDMask  = pgtable.PMDMask
)

// PageAlign rounds up to a multiple of the page size. It wraps around to 0 within
// a page of 2^64.
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

	// VMSpecial is what keeps a VMA from ever merging.
	VMSpecial = VMIO | VMDontExpand | VMPFNMap | VMMixedMap
	// VMUffd is what a VMA carries if and only if it has a userfault context.
	VMUffd = VMUffdMissing | VMUffdWP

	vmAccess = VMRead | VMWrite | VMExec
)

// Prot returns the access rights in the way that /proc/PID/maps shows them:
// "rw-p".
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

// FaultFlags are the FAULT_FLAG_ bits that the fault path hands down.
type FaultFlags uint32

// The fault flags.
const (
	FaultWrite       FaultFlags = 0x1  // the access is a write
	FaultAllowRetry  FaultFlags = 0x4  // the fault may drop mmap_lock and ask for a retry
	FaultRetryNowait FaultFlags = 0x8  // ... but must neither drop it nor sleep
	FaultKillable    FaultFlags = 0x10 // a fatal signal may end the wait
	FaultTried       FaultFlags = 0x20 // this is the retry
	FaultUser        FaultFlags = 0x40 // the access came from user mode
)

// FaultResult is the VM_FAULT_ bits that a fault ends with. Zero (or Major alone)
// says that the access can be made again.
type FaultResult uint32

// The fault results.
const (
	VMFaultOOM     FaultResult = 0x1
	VMFaultSIGBUS  FaultResult = 0x2
	VMFaultMajor   FaultResult = 0x4
	VMFaultSIGSEGV FaultResult = 0x40
	VMFaultRetry   FaultResult = 0x400
	// VMFaultFallback says that a huge page could not be had: use small ones.
	VMFaultFallback FaultResult = 0x800
)

// String lists the bits: "VM_FAULT_RETRY|VM_FAULT_MAJOR".
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
