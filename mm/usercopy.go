package mm

import (
	"encoding/binary"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// CopyFromUser fills dst with the bytes at addr in the current task's memory, in kernel
// mode: copy_from_user. It handles page faults, which may sleep. No spinlock may be held.
// The error is EFAULT: the memory cannot be read.
func CopyFromUser(t *sim.Task, dst []byte, addr uint64) error {
	return userCopy(t, addr, dst, false, true)
}

// CopyToUser stores src at addr in the current task's memory: copy_to_user. No spinlock
// may be held. The error is EFAULT; the bytes before the first page that cannot be
// written are stored even then.
func CopyToUser(t *sim.Task, addr uint64, src []byte) error {
	return userCopy(t, addr, src, true, true)
}

// copyFromUserInatomic is CopyFromUser with page faults disabled:
// __copy_from_user_inatomic. A page that is not present is EFAULT at once. Locks may be
// held.
func copyFromUserInatomic(t *sim.Task, dst []byte, addr uint64) error {
	return userCopy(t, addr, dst, false, false)
}

// userCopy copies buf to the current task's memory at addr if write is set, and the other
// way otherwise. The error is EFAULT.
func userCopy(t *sim.Task, addr uint64, buf []byte, write, mayFault bool) error {
	th := Current(t)
	if mem, lent := th.pane(addr, len(buf)); lent {
		switch {
		case mem == nil:
			return errno.EFAULT
		case write:
			copy(mem, buf)
		default:
			copy(buf, mem)
		}
		return nil
	}
	mm := th.MM
	if addr+uint64(len(buf)) < addr || addr+uint64(len(buf)) > mm.TaskSize {
		return errno.EFAULT // access_ok
	}
	for len(buf) > 0 {
		n := min(len(buf), int(PageSize-addr&(PageSize-1)))
		if mm.translate(t, addr, buf[:n], write) {
			addr, buf = addr+uint64(n), buf[n:]
			continue
		}
		if !mayFault || mm.DoPageFault(t, addr, write, false) != Done {
			return errno.EFAULT
		}
	}
	return nil
}

// PutUser64 stores a 64-bit word, little-endian, at addr: put_user. No spinlock may be
// held. The error is EFAULT, in which case it stores nothing.
func PutUser64(t *sim.Task, addr, word uint64) error {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], word)
	mm := Current(t).MM
	if addr&^PageMask > PageSize-8 && addr <= mm.TaskSize-8 {
		if err := mm.faultInAcross(t, addr); err != nil {
			return err
		}
	}
	return CopyToUser(t, addr, b[:])
}

// faultInAcross makes the page of addr and the next page writable, because an instruction
// that stores to both must not store to only one. Each fault repeats the instruction from
// the start. The error is EFAULT.
func (mm *MM) faultInAcross(t *sim.Task, addr uint64) error {
	next := PageAlign(addr)
	for {
		at := addr
		if mm.translate(t, addr, nil, true) {
			if mm.translate(t, next, nil, true) {
				return nil
			}
			at = next
		}
		if mm.DoPageFault(t, at, true, false) != Done {
			return errno.EFAULT
		}
	}
}
