package uffd_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// FuzzIoctlBytes passes arbitrary commands with arbitrary arguments, as bytes and as a
// pointer to memory that holds them. After every call the machine must be consistent, and
// the sleeping fault must still sleep or have ended for a legitimate reason.
func FuzzIoctlBytes(f *testing.F) {
	for _, known := range abi.Ioctls() {
		for _, first := range []int{0, 1, 3, 5} {
			arg := make([]byte, 40)
			binary.LittleEndian.PutUint64(arg[0:], pg(first))
			binary.LittleEndian.PutUint64(arg[8:], 2*page)
			binary.LittleEndian.PutUint64(arg[16:], abi.RegisterModeMissing)
			f.Add(known.Cmd, arg, uint64(scratch), uint64(first))
			c := abi.Copy{Dst: pg(first), Src: scratch, Len: page}
			f.Add(known.Cmd, encode(&c, abi.CopySize), uint64(pg(first)), uint64(0))
		}
		f.Add(known.Cmd, encode(&goodAPI, abi.APISize), uint64(nowhere), uint64(7))
	}
	f.Fuzz(func(t *testing.T, cmd uint32, arg []byte, ptr, seed uint64) {
		k := newFixture(t, "2015+copy", seed)
		defer k.exec.Stop()
		k.lay("--AA-s.BB")
		at := k.args(1)
		k.poke(at+page-uint64(min(len(arg), page)), arg[:min(len(arg), page)])
		k.faults(4)
		k.loadIn(k.p, "g", pg(7))
		k.settle()

		var calls []*job
		call := func(name string, fn func(t *machine.Task) error) {
			calls = append(calls, k.start(name, func(t *machine.Task) string {
				err := fn(t)
				var e errno.Errno
				if err != nil && !errors.As(err, &e) {
					k.NoError(err)
				}
				return result(err)
			}))
		}
		fd := k.fds['A']
		big := append(arg, make([]byte, 64)...) // more than any command reads
		call("bytes", func(t *machine.Task) error { return t.IoctlBytes(fd, cmd, big) })
		call("short", func(t *machine.Task) error { return t.IoctlBytes(fd, cmd, arg) })
		call("ptr", func(t *machine.Task) error { return t.Ioctl(fd, cmd, ptr) })
		call("end", func(t *machine.Task) error { return t.Ioctl(fd, cmd, at+page-uint64(len(arg))) })
		k.settle()
		k.checkState()
		k.close(k.fds['A'])
		k.close(k.fds['B'])
		k.checkState()
		// A call whose argument is in registered memory may still wait for that memory,
		// and holds the file meanwhile.
		for _, j := range calls {
			k.signal(j, sim.SignalFatal)
			k.True(j.ended)
		}
		k.True(k.ctxs['A'].Freed())
		k.True(k.ctxs['B'].Freed())
		k.check()
	})
}
