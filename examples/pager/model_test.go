package pager_test

import (
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/uffd/abi"

	"github.com/uffdsim/uffdsim/examples/pager"
)

// model is a userfaultfd of the model, for one task.
type model struct {
	t  *machine.Task
	fd int
}

func (m model) ReadFault() (uint64, error) {
	b := make([]byte, abi.MsgSize)
	if _, err := m.t.ReadBytes(m.fd, b); err != nil {
		return 0, err
	}
	var msg abi.Msg
	msg.Decode(b)
	return msg.Address &^ (pager.PageSize - 1), nil
}

func (m model) Copy(addr uint64, page []byte, wake bool) error {
	c := abi.Copy{Dst: addr, Src: m.t.Lend(1, page), Len: uint64(len(page))}
	if !wake {
		c.Mode = abi.CopyModeDontwake
	}
	b := make([]byte, abi.CopySize)
	c.Encode(b)
	return m.t.IoctlBytes(m.fd, abi.UFFDIO_COPY, b)
}

func (m model) Wake(addr, length uint64) error {
	b := make([]byte, abi.RangeSize)
	(&abi.Range{Start: addr, Len: length}).Encode(b)
	return m.t.IoctlBytes(m.fd, abi.UFFDIO_WAKE, b)
}
