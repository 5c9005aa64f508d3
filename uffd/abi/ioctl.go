package abi

import "slices"

// The ioctl commands, under the kernel's names. The numbers of UNREGISTER and WAKE say
// that the kernel writes the struct (_IOR), although it only reads it.
const (
	UFFDIO_API        uint32 = (iocRead|iocWrite)<<30 | APISize<<16 | APIVersion<<8 | nrAPI
	UFFDIO_REGISTER   uint32 = (iocRead|iocWrite)<<30 | RegisterSize<<16 | APIVersion<<8 | nrRegister
	UFFDIO_UNREGISTER uint32 = iocRead<<30 | RangeSize<<16 | APIVersion<<8 | nrUnregister
	UFFDIO_WAKE       uint32 = iocRead<<30 | RangeSize<<16 | APIVersion<<8 | nrWake
	UFFDIO_COPY       uint32 = (iocRead|iocWrite)<<30 | CopySize<<16 | APIVersion<<8 | nrCopy
	UFFDIO_ZEROPAGE   uint32 = (iocRead|iocWrite)<<30 | ZeropageSize<<16 | APIVersion<<8 | nrZeropage

	UFFDIO_MOVE         uint32 = (iocRead|iocWrite)<<30 | MoveSize<<16 | APIVersion<<8 | nrMove                 // since 6.8
	UFFDIO_WRITEPROTECT uint32 = (iocRead|iocWrite)<<30 | WriteprotectSize<<16 | APIVersion<<8 | nrWriteprotect // since 5.7
	UFFDIO_CONTINUE     uint32 = (iocRead|iocWrite)<<30 | ContinueSize<<16 | APIVersion<<8 | nrContinue         // since 5.13
	UFFDIO_POISON       uint32 = (iocRead|iocWrite)<<30 | PoisonSize<<16 | APIVersion<<8 | nrPoison             // since 6.6
)

// Device is the file whose ioctl USERFAULTFD_IOC_NEW makes a userfaultfd, since Linux
// 6.1: access to the file replaces the capability. The argument is the flags of
// userfaultfd(2).
const (
	Device                     = "/dev/userfaultfd"
	USERFAULTFD_IOC_NEW uint32 = APIVersion << 8
)

// Remedies names the three ways to permit userfaultfd(2), for error messages.
const Remedies = "one of these permits it: the sysctl vm.unprivileged_userfaultfd=1, " +
	"the capability CAP_SYS_PTRACE (root has it), or read and write access to " + Device + " (since Linux 6.1)"

// The direction bits of an ioctl number.
const (
	iocWrite = 1
	iocRead  = 2
)

// The commands' numbers within the ioctl type 0xAA.
const (
	nrRegister     = 0x00
	nrUnregister   = 0x01
	nrWake         = 0x02
	nrCopy         = 0x03
	nrZeropage     = 0x04
	nrMove         = 0x05
	nrWriteprotect = 0x06
	nrContinue     = 0x07
	nrPoison       = 0x08
	nrAPI          = 0x3F
)

// Bits of the masks that the handshake and register answer with. The bit of an ioctl is
// the one at its number.
const (
	MaskRegister     uint64 = 1 << nrRegister
	MaskUnregister   uint64 = 1 << nrUnregister
	MaskWake         uint64 = 1 << nrWake
	MaskCopy         uint64 = 1 << nrCopy
	MaskZeropage     uint64 = 1 << nrZeropage
	MaskAPI          uint64 = 1 << nrAPI
	MaskMove         uint64 = 1 << nrMove
	MaskWriteprotect uint64 = 1 << nrWriteprotect
	MaskContinue     uint64 = 1 << nrContinue
	MaskPoison       uint64 = 1 << nrPoison
)

// Ioctl names a command and its bit in the masks.
type Ioctl struct {
	Name string // "UFFDIO_COPY"
	Cmd  uint32
	Mask uint64
	Size int // of the argument struct, in bytes
}

// Ioctls returns the commands in the order of their numbers. The slice is the caller's
// own.
func Ioctls() []Ioctl { return slices.Clone(ioctls) }

var ioctls = []Ioctl{
	{"UFFDIO_REGISTER", UFFDIO_REGISTER, MaskRegister, RegisterSize},
	{"UFFDIO_UNREGISTER", UFFDIO_UNREGISTER, MaskUnregister, RangeSize},
	{"UFFDIO_WAKE", UFFDIO_WAKE, MaskWake, RangeSize},
	{"UFFDIO_COPY", UFFDIO_COPY, MaskCopy, CopySize},
	{"UFFDIO_ZEROPAGE", UFFDIO_ZEROPAGE, MaskZeropage, ZeropageSize},
	{"UFFDIO_MOVE", UFFDIO_MOVE, MaskMove, MoveSize},
	{"UFFDIO_WRITEPROTECT", UFFDIO_WRITEPROTECT, MaskWriteprotect, WriteprotectSize},
	{"UFFDIO_CONTINUE", UFFDIO_CONTINUE, MaskContinue, ContinueSize},
	{"UFFDIO_POISON", UFFDIO_POISON, MaskPoison, PoisonSize},
	{"UFFDIO_API", UFFDIO_API, MaskAPI, APISize},
}
