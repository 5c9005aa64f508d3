package mm

import (
	"encoding/binary"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
)

// CopyFromUser fills dst from the current task's memory at addr, in kernel mode:
// faults are handled, sleeping if need be, and one that fails is EFAULT. No
// spinlock may be held. It recreates copy_from_user.
func CopyFromUser(t *sim.Task, dst []byte, addr uint64) error {
	return userCopy(t, addr, dst, false, true)
}

// CopyToUser stores src at addr: copy_to_user. What comes before a page that cannot be
// written has been stored when it returns EFAULT.
func CopyToUser(t *sim.Task, addr uint64, src []byte) error {
	return userCopy(t, addr, src, true, true)
}

// copyFromUserInatomic is CopyFromUser with page faults disabled: a page that is
// not there is EFAULT at once.
func copyFromUserInatomic(t *sim.Task, dst []byte, addr uint64) error {
	return userCopy(t, addr, dst, false, false)
}

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

// PutUser64 stores a word, little-endian, at addr: put_user. The error is EFAULT, and
// then nothing has been stored.
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

// faultInAcross makes the page at addr and the next one writable: an instruction that
// stores to both stores to neither before it may do so to both. Each fault begins it anew.
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
