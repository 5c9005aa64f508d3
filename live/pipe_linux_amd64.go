package live

import (
	"encoding/binary"

	"github.com/uffdsim/uffdsim/errno"
	"golang.org/x/sys/unix"
)

// Descriptors of the harness in a task. They are above those of scenarios, and below 256,
// from where on the kernel would need a much larger table.
const (
	firstPipe = 256 - 2*maxSlots // two for each slot
	deviceFD  = firstPipe - 1    // of /dev/userfaultfd, if the system call is not permitted
)

// theirFD returns a descriptor of the scenario as an argument. It panics with giveUp if
// the number is one of the harness's.
func theirFD(fd int) uint64 {
	if fd >= deviceFD && fd < firstPipe+2*maxSlots {
		noRoom("descriptor %d: the scenario's are below %d", fd, deviceFD)
	}
	return uint64(fd)
}

// newFD returns the results of a call that makes a descriptor. It panics with giveUp if
// only numbers above the harness's descriptors are free.
func newFD(fd uint64, err error) (int, error) {
	if err == nil && fd >= deviceFD {
		noRoom("descriptor %d: the scenario's are below %d", fd, deviceFD)
	}
	return int(fd), err
}

// pipe belongs to one task. Through it the kernel reads and writes the program's memory.
type pipe struct {
	out, in uint64
	dirty   bool // a call failed, and may have left bytes in it
}

// aPipe returns the task's pipe, empty.
func (t *thread) aPipe() (*pipe, error) {
	if t.pipe != nil && !t.pipe.dirty {
		return t.pipe, nil
	}
	b := make([]byte, 8)
	if err := t.status(unix.SYS_PIPE2, t.Lend(0, b), 0); err != nil {
		return nil, err
	}
	p := &pipe{out: firstPipe + 2*uint64(t.index), in: firstPipe + 2*uint64(t.index) + 1}
	for i, to := range []uint64{p.out, p.in} {
		from := uint64(binary.LittleEndian.Uint32(b[4*i:]))
		if err := t.status(unix.SYS_DUP3, from, to, 0); err != nil {
			return nil, err
		}
		if err := t.status(unix.SYS_CLOSE, from); err != nil {
			return nil, err
		}
	}
	t.pipe = p
	return p, nil
}

// CopyFromUser writes the bytes to a pipe, and reads them from there.
func (t *thread) CopyFromUser(dst []byte, addr uint64) error {
	t.notOwn(addr, uint64(len(dst)))
	p, err := t.aPipe()
	if err != nil {
		return err
	}
	p.dirty = true
	n, err := t.call(unix.SYS_WRITE, p.in, addr, uint64(len(dst)))
	if err == nil && n < uint64(len(dst)) {
		err = errno.EFAULT
	}
	if err != nil {
		return err
	}
	_, err = t.call(unix.SYS_READ, p.out, t.Lend(0, dst), uint64(len(dst)))
	p.dirty = err != nil
	return err
}

// CopyToUser writes the bytes to a pipe, and reads them from there to the address.
func (t *thread) CopyToUser(addr uint64, src []byte) error {
	t.notOwn(addr, uint64(len(src)))
	p, err := t.aPipe()
	if err != nil {
		return err
	}
	p.dirty = true
	if _, err := t.call(unix.SYS_WRITE, p.in, t.Lend(0, src), uint64(len(src))); err != nil {
		return err
	}
	n, err := t.call(unix.SYS_READ, p.out, addr, uint64(len(src)))
	if err == nil && n < uint64(len(src)) {
		err = errno.EFAULT
	}
	p.dirty = err != nil
	return err
}
