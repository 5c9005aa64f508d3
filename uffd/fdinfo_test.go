package uffd_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/procfs"
)

// FDINFO-1: three lines, with both counts from the same moment. It works before the
// handshake.
func TestFdinfo(t *testing.T) {
	for version, mask := range map[string]string{"2015": "8000000000000007", "2015+copy": "800000000000001f"} {
		eachIn(t, version, func(k *fixture) {
			k.lay("----")
			fd := k.open('A', 0)
			want := func(pending, total int) {
				k.t.Helper()
				text, err := procfs.Fdinfo(k.p.Files(), fd)
				k.NoError(err)
				k.Equal(fmt.Sprintf("pending:\t%d\ntotal:\t%d\nAPI:\taa:0:%s\n", pending, total, mask), text)
			}
			want(0, 0)
			k.NoError(k.register(fd, 0, 4))
			k.faults(4)
			want(4, 4)
			_, err := k.api(fd, goodAPI)
			k.NoError(err)
			k.read(fd, 96)
			want(1, 4)
			k.read(fd, 32)
			want(0, 4)
			k.NoError(k.wake(fd, 0, 3))
			want(0, 1)
		})
	}
}

// FDINFO-1: both counts are read in one critical section, so a concurrent read of a
// message does not change their sum.
func TestFdinfoIsConsistent(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.lay("AA")
		k.faults(2)
		file := k.p.Files().File(k.fds['A'])
		var text string
		k.start("i", func(t *machine.Task) string {
			text = file.Ops.ShowFdinfo(t.Task, file)
			return ""
		})
		k.reader("r", k.fds['A'], 32)
		log := k.steps(k.settle)
		locks := 0
		for _, step := range log {
			if strings.HasPrefix(step, "i: spin_lock") {
				k.Equal("i: spin_lock ctx.faultPendingWqh.Lock", step)
				locks++
			}
		}
		k.Equal(1, locks)
		k.Contains(text, "total:\t2\n")
	})
}
