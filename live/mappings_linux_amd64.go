package live

import (
	"encoding/binary"
	"slices"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"golang.org/x/sys/unix"
)

func roundUp(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

func (t *thread) Mmap(addr, length uint64, prot mm.Prot, flags mm.MapFlags, fd int, offset uint64) (uint64, error) {
	fixed := flags&(mm.MapFixed|mm.MapFixedNoReplace) != 0
	if fixed {
		t.notOwn(addr, roundUp(length))
	}
	at, err := t.call(unix.SYS_MMAP, addr, length, uint64(prot), uint64(flags), uint64(fd), offset)
	switch {
	case err != nil && !fixed && length > taskSize/2 && length < mm.DefaultMmapBase:
		noRoom("no hole of %#x bytes beside the memory of the harness", length)
	case err != nil:
		charged := uint64(0)
		if prot&mm.ProtWrite != 0 && flags&(mm.MapPrivate|mm.MapNoReserve) == mm.MapPrivate {
			charged = length
		}
		t.notRefusedByHost(err, length, charged)
	case !fixed:
		t.notChosen(at, roundUp(addr), roundUp(minAddr()))
	}
	t.noteMapping(at, length)
	return at, err
}

func (t *thread) Munmap(addr, length uint64) error {
	t.notOwn(addr, roundUp(length))
	return t.status(unix.SYS_MUNMAP, addr, length)
}

func (t *thread) Mprotect(addr, length uint64, prot mm.Prot) error {
	t.notOwn(addr, roundUp(length))
	err := t.status(unix.SYS_MPROTECT, addr, length, uint64(prot))
	if prot&mm.ProtWrite != 0 {
		t.notRefusedByHost(err, 0, length)
	}
	return err
}

func (t *thread) Mremap(old, oldLen, newLen uint64, flags mm.MremapFlags, to uint64) (uint64, error) {
	fixed := flags&mm.MremapFixed != 0
	t.notOwn(old, roundUp(max(oldLen, 1)))
	if fixed {
		t.notOwn(to, roundUp(newLen))
	} else {
		t.notOwn(old, roundUp(newLen))
	}
	at, err := t.call(unix.SYS_MREMAP, old, oldLen, newLen, uint64(flags), to)
	switch {
	case err != nil && newLen > oldLen:
		t.notRefusedByHost(err, newLen-oldLen, newLen-oldLen)
	case err == nil && !fixed:
		t.notChosen(at, old)
	}
	t.noteMapping(at, newLen)
	return at, err
}

func (t *thread) Madvise(addr, length uint64, advice mm.Advice) error {
	switch advice {
	case mm.MadvPopulateRead, mm.MadvPopulateWrite:
		t.notOwn(addr, roundUp(length))
	case mm.MadvNormal, mm.MadvRandom, mm.MadvSequential, mm.MadvDontNeed, mm.MadvDoFork,
		mm.MadvHugePage, mm.MadvNoHugePage, mm.MadvDontDump, mm.MadvDoDump:
		// The call reaches the harness behind a hole, which makes it ENOMEM in any case,
		// and the advice does no harm there.
		t.notOwn(addr, min(roundUp(length), pageSize))
	default:
		if addr < taskSize && addr+roundUp(length) > addr {
			t.notOwn(addr, min(roundUp(length), taskSize-addr))
		}
	}
	return t.status(unix.SYS_MADVISE, addr, length, uint64(advice))
}

// notChosen panics with giveUp if a new mapping is at none of the wanted addresses: then
// the kernel chose the address at random, and among what else is mapped.
func (t *thread) notChosen(at uint64, wanted ...uint64) {
	if slices.Contains(wanted, at) {
		return
	}
	noRoom("the kernel chose the address %#x, which is another one in each process; MAP_FIXED and "+
		"MREMAP_FIXED choose it in the scenario", at)
}

// noteMapping records that the scenario has mapped memory above the lowest address of the
// harness: [process.Maps] must read that far then.
func (t *thread) noteMapping(at, length uint64) {
	if at+length > t.arena.lowest() && at < taskSize {
		t.process.host.high.Store(true)
	}
}

// taskSize is the end of user addresses.
const taskSize = 1<<47 - pageSize

// maxFill is more memory than a scenario has in one mapping, in bytes.
const maxFill = 1 << 40

// addressRange is a range of addresses that a system call is given, in bytes.
type addressRange struct{ start, length uint64 }

// notOwn panics with giveUp if the range touches memory of the harness that is not lent
// to the call: the model has nothing mapped there. The kernel refuses a range that is
// empty or extends beyond taskSize, or stops at the first hole of it, as the model does.
func (t *thread) notOwn(start, length uint64) {
	end := start + length
	if length == 0 || end < start || end > taskSize || t.isLent(start) || !t.arena.overlaps(start, end) {
		return
	}
	noRoom("%#x-%#x contains memory of the harness", start, end)
}

// isLent reports whether the address is in memory that is lent to the next call.
func (t *thread) isLent(addr uint64) bool {
	for pane, mem := range t.lend {
		if start, end := bounds(t.lent(pane, len(mem))); start <= addr && addr < end {
			return true
		}
	}
	return false
}

// rangesOf returns the ranges in the argument of an ioctl of a userfaultfd. The structs
// begin with a range, or with two addresses and the length of both.
func rangesOf(cmd uint32, arg []byte) []addressRange {
	word := func(i int) uint64 {
		if len(arg) < 8*(i+1) {
			return 0
		}
		return binary.LittleEndian.Uint64(arg[8*i:])
	}
	switch {
	case cmd>>8&0xff != abi.APIVersion || cmd == abi.UFFDIO_API:
		return nil
	case cmd == abi.UFFDIO_COPY || cmd == abi.UFFDIO_MOVE:
		// A fill stops at the end of the destination's VMA, which is a scenario's.
		return []addressRange{{word(1), min(word(2), maxFill)}}
	case cmd == abi.UFFDIO_ZEROPAGE || cmd == abi.UFFDIO_WAKE || cmd == abi.UFFDIO_CONTINUE || cmd == abi.UFFDIO_POISON:
		return nil // needs registered memory, or none
	}
	return []addressRange{{word(0), word(1)}}
}
