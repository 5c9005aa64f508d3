package explore

import (
	"bytes"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// This file has the operations that the tasks of the setups are made of.

// pagesAt returns the range of pages that begins at start.
func pagesAt(start, pages uint64) abi.Range {
	return abi.Range{Start: start, Len: pages * mm.PageSize}
}

func register(t *machine.Task, fd int, start, pages uint64) error {
	return t.UffdRegister(fd, &abi.Register{Range: pagesAt(start, pages), Mode: abi.RegisterModeMissing})
}

// touch loads a byte at addr and returns the result: "zero" for 0, else the byte, or the
// signal that ended the access.
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

// source is the memory that the copiers copy from.
var source = bytes.Repeat([]byte{'A'}, arenaPages*mm.PageSize)

// copyPages fills pages from dst on with 'A'.
func copyPages(t *machine.Task, fd int, dst, pages uint64) error {
	src := t.Lend(1, source[:pages*mm.PageSize])
	return t.UffdCopy(fd, &abi.Copy{Dst: dst & mm.PageMask, Src: src, Len: pages * mm.PageSize})
}

// zeroPages maps the zero page at pages from dst on.
func zeroPages(t *machine.Task, fd int, dst, pages uint64) error {
	return t.UffdZeropage(fd, &abi.Zeropage{Range: pagesAt(dst, pages)})
}

// readOne reads a message and returns the fault's address.
func readOne(t *machine.Task, fd int) (uint64, error) {
	msg, err := t.UffdReadMsg(fd)
	return msg.Address, err
}

// serve reads messages and fills their pages, n times or until a read fails. If a page is
// present already, it wakes the page's faults, as a monitor must (COPY-8).
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
			_ = t.UffdWake(w.Fd, pagesAt(addr&mm.PageMask, 1))
		}
	}
}
