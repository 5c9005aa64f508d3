package pager_test

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/examples/pager"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/uffd/abi"
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
	err := m.t.IoctlBytes(m.fd, abi.UFFDIO_COPY, b)
	if err == errno.EEXIST {
		return syscall.EEXIST // as the host has it
	}
	return err
}

func (m model) Wake(addr, length uint64) error {
	b := make([]byte, abi.RangeSize)
	(&abi.Range{Start: addr, Len: length}).Encode(b)
	return m.t.IoctlBytes(m.fd, abi.UFFDIO_WAKE, b)
}

// The pager asks for syscall.EEXIST. The model's errors are Linux's own, which errors.Is takes for
// the host's on Linux only; but the tests are to run on every system.
func TestTheModelAnswersWithTheHostsError(t *testing.T) {
	setup := &explore.Setup{Tasks: func(w *explore.World) {
		w.Go("task", func(t *machine.Task) string {
			u, page := onModel(w, t), make([]byte, pager.PageSize)
			first, second := u.Copy(explore.Arena, page, true), u.Copy(explore.Arena, page, true)
			return fmt.Sprint(first, " ", second == syscall.EEXIST)
		})
	}}
	r, err := explore.Search(setup, options)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"task=<nil> true": 1}, r.Outcomes)
}
