package kernel_test

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// programs are explorer programs that show a change but no rule, so package explore does
// not have them. A sampled program runs in random interleavings only: it may never
// settle, or its outcome is something that the search considers irrelevant.
var programs = map[string]struct {
	setup   *explore.Setup
	sampled bool
}{
	"counted-faults": {sampled: true, setup: &explore.Setup{
		Name: "counted-faults",
		Doc:  "a task that counts its major faults, and a copier",
		Tasks: func(w *explore.World) {
			w.Go("t1", func(t *machine.Task) string {
				var b [1]byte
				t.Load(explore.Arena, b[:])
				major, minor := t.Faults()
				return fmt.Sprintf("%d major, %d minor", major, minor)
			})
			w.Go("copier", func(t *machine.Task) string { fill(t, w.Fd); return "" })
		},
	}},
	"full-table": {setup: &explore.Setup{
		Name: "full-table",
		Doc:  "a task without a free descriptor, which calls userfaultfd(2) with an unknown flag",
		Prepare: func(w *explore.World, t *machine.Task) error {
			for {
				if _, err := t.Dup(w.Fd); err == errno.EMFILE {
					return nil
				} else if err != nil {
					return err
				}
			}
		},
		Tasks: func(w *explore.World) {
			w.Go("creator", func(t *machine.Task) string {
				_, err := t.Userfaultfd(0x40000000)
				return err.Error()
			})
		},
	}},
	"stray-wake": {setup: &explore.Setup{
		Name: "stray-wake",
		Doc:  "a faulting task, a task that wakes it for no reason, and a monitor that counts messages before it copies",
		Tasks: func(w *explore.World) {
			faulter := w.Go("faulter", func(t *machine.Task) string {
				_, _ = t.Load(explore.Arena, make([]byte, 1))
				return ""
			})
			w.Go("waker", func(t *machine.Task) string {
				t.WakeUpState(faulter.Sim(), sim.Normal)
				return ""
			})
			w.Go("monitor", func(t *machine.Task) string {
				_ = t.FcntlSetFlags(w.Fd, abi.ONonblock)
				read := "messages: "
				for range 2 {
					if _, err := t.ReadBytes(w.Fd, make([]byte, abi.MsgSize)); err == nil {
						read += "i"
					}
				}
				fill(t, w.Fd)
				return read
			})
		},
	}},
	"released-gup": {sampled: true, setup: &explore.Setup{
		Name: "released-gup",
		Doc:  "a task in get_user_pages, and a task that closes the descriptor",
		Tasks: func(w *explore.World) {
			w.Go("gup", func(t *machine.Task) string {
				_, err := w.Process.MM.GetUserPagesUnlocked(t.Task, explore.Arena, 1, false)
				if err != nil {
					return err.Error()
				}
				return "page"
			})
			w.Go("closer", func(t *machine.Task) string { _ = t.Close(w.Fd); return "" })
		},
	}},
}

// fill copies a page to the start of the arena.
func fill(t *machine.Task, fd int) {
	b := make([]byte, abi.CopySize)
	(&abi.Copy{Dst: explore.Arena, Src: t.Lend(1, make([]byte, mm.PageSize)), Len: mm.PageSize}).Encode(b)
	_ = t.IoctlBytes(fd, abi.UFFDIO_COPY, b)
}
