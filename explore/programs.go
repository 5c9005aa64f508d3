package explore

import (
	"bytes"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// What the tasks of the setups do, one small program each.

func api(t *machine.Task, fd int) error {
	var b [abi.APISize]byte
	(&abi.API{API: abi.APIVersion}).Encode(b[:])
	return t.IoctlBytes(fd, abi.UFFDIO_API, b[:])
}

func register(t *machine.Task, fd int, start, pages uint64) error {
	var b [abi.RegisterSize]byte
	(&abi.Register{Range: abi.Range{Start: start, Len: pages * mm.PageSize}, Mode: abi.RegisterModeMissing}).Encode(b[:])
	return t.IoctlBytes(fd, abi.UFFDIO_REGISTER, b[:])
}

// rangeIoctl makes an ioctl whose argument is a range: UFFDIO_WAKE or
// UFFDIO_UNREGISTER.
func rangeIoctl(t *machine.Task, fd int, cmd uint32, start, length uint64) error {
	var b [abi.RangeSize]byte
	(&abi.Range{Start: start, Len: length}).Encode(b[:])
	return t.IoctlBytes(fd, cmd, b[:])
}

// touch loads a byte at addr and says what it got: "zero" for 0, else the byte, or the
// signal.
func touch(t *machine.Task, addr uint64) string {
	var b [1]byte
	outcome, _ := t.Load(addr, b[:])
	switch {
	case outcome != mm.Done:
		return outcome.String()
	case b[0] == 0:
		return "zero"
	}
	return string(b[:])
}

// source is what the copiers copy from.
var source = bytes.Repeat([]byte{'A'}, arenaPages*mm.PageSize)

// copyPages fills pages from dst on with 'A'.
func copyPages(t *machine.Task, fd int, dst, pages uint64) error {
	var b [abi.CopySize]byte
	(&abi.Copy{Dst: dst & mm.PageMask, Src: t.Lend(1, source[:pages*mm.PageSize]), Len: pages * mm.PageSize}).Encode(b[:])
	return t.IoctlBytes(fd, abi.UFFDIO_COPY, b[:])
}

// zeroPages maps the zero page at pages from dst on.
func zeroPages(t *machine.Task, fd int, dst, pages uint64) error {
	var b [abi.ZeropageSize]byte
	(&abi.Zeropage{Range: abi.Range{Start: dst, Len: pages * mm.PageSize}}).Encode(b[:])
	return t.IoctlBytes(fd, abi.UFFDIO_ZEROPAGE, b[:])
}

// readOne reads a message and returns the fault's address.
func readOne(t *machine.Task, fd int) (uint64, error) {
	var b [abi.MsgSize]byte
	if _, err := t.ReadBytes(fd, b[:]); err != nil {
		return 0, err
	}
	var msg abi.Msg
	msg.Decode(b[:])
	return msg.Address, nil
}

// serve reads messages and fills their pages, n times or until the read fails. A page
// that is there already is woken for, as a monitor has to (COPY-8).
func (w *World) serve(t *machine.Task, n int) {
	for i := range n {
		w.At(t, "read", uint64(i))
		addr, err := readOne(t, w.Fd)
		if err != nil {
			return
		}
		w.At(t, "copy", uint64(i), addr)
		err = copyPages(t, w.Fd, addr, 1)
		if err == errno.EEXIST {
			w.At(t, "wake", uint64(i), addr)
			_ = rangeIoctl(t, w.Fd, abi.UFFDIO_WAKE, addr&mm.PageMask, mm.PageSize)
		}
	}
}
