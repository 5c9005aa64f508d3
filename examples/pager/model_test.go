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

// model implements pager.Uffd with the model, for one task.
type model struct {
	t  *machine.Task
	fd int
}

func (m model) ReadFault() (uint64, error) {
	msg, err := m.t.UffdReadMsg(m.fd)
	return msg.Address &^ (pager.PageSize - 1), err
}

func (m model) Copy(addr uint64, page []byte, wake bool) error {
	c := abi.Copy{Dst: addr, Src: m.t.Lend(1, page), Len: uint64(len(page))}
	if !wake {
		c.Mode = abi.CopyModeDontwake
	}
	err := m.t.UffdCopy(m.fd, &c)
	if err == errno.EEXIST {
		return syscall.EEXIST // the host's type of error
	}
	return err
}

func (m model) Wake(addr, length uint64) error {
	return m.t.UffdWake(m.fd, abi.Range{Start: addr, Len: length})
}

// The pager compares with syscall.EEXIST. The model's errors have Linux's numbers, so
// errors.Is matches them with the host's only on Linux. These tests run on every system.
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
