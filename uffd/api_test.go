package uffd_test

import (
	"bytes"
	"testing"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

var goodAPI = abi.API{API: 0xAA, Ioctls: 0x1122334455667788}

const apiIoctls = 0x8000000000000003

// API-1: a second handshake is refused before its argument is read.
func TestSecondHandshake(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', 0)
		k.Equal(errno.EINVAL, k.ioctlAt(fd, abi.UFFDIO_API, nowhere))
		answer, err := k.api(fd, goodAPI)
		k.Equal(errno.EINVAL, err)
		k.Equal(goodAPI, answer, "the argument is not written")
		bad := abi.API{API: 1, Features: 2, Ioctls: 3}
		answer, err = k.api(fd, bad)
		k.Equal(errno.EINVAL, err)
		k.Equal(bad, answer, "nor zeroed")
		k.Equal(uffd.StateRunning, k.ctxs['A'].State())
	})
}

// API-2: all 24 bytes must be readable.
func TestHandshakeUnreadable(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.open('A', 0)
		at := k.args(1)
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_API, nowhere))
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_API, 0))
		// The first two fields are readable and invalid: EFAULT takes precedence.
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_API, at+page-16))
		k.Equal(uffd.StateWaitAPI, k.ctxs['A'].State())
		k.Equal(make([]byte, 16), k.fetch(at+page-16, 16))
	})
}

var badHandshakes = []abi.API{
	{API: 0, Ioctls: 7},
	{API: 0xAB, Ioctls: 7},
	{API: 0xAA + 1<<32, Ioctls: 7},
	{API: 0xAA, Features: 1, Ioctls: 7},
	{API: 0xAA, Features: 1 << 63, Ioctls: 7},
	{API: 1, Features: 1, Ioctls: 7},
}

// API-3: an invalid handshake zeroes the struct, and the program may try again.
func TestWrongHandshake(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.open('A', 0)
		for _, bad := range badHandshakes {
			answer, err := k.api(fd, bad)
			k.Equal(errno.EINVAL, err)
			k.Equal(abi.API{}, answer)
			k.Equal(uffd.StateWaitAPI, k.ctxs['A'].State())
		}
		_, err := k.api(fd, goodAPI)
		k.NoError(err)
	})
}

// API-3: EFAULT if the struct cannot be zeroed.
func TestWrongHandshakeInReadOnlyMemory(t *testing.T) {
	for _, bad := range badHandshakes {
		only2015(t, func(k *fixture) {
			fd := k.open('A', 0)
			b := encode(&bad, abi.APISize)
			at := k.readOnlyArg(b)
			k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_API, at))
			k.Equal(b, k.fetch(at, abi.APISize))
			k.Equal(uffd.StateWaitAPI, k.ctxs['A'].State())
		})
	}
}

// API-4: the answer, in both profiles. Nothing beyond the 24 bytes is written.
func TestHandshake(t *testing.T) {
	for _, version := range []string{"2015", "2015+copy"} {
		eachIn(t, version, func(k *fixture) {
			fd := k.open('A', 0)
			b := bytes.Repeat([]byte{0xee}, 40)
			goodAPI.Encode(b)
			k.NoError(k.ioctl(fd, abi.UFFDIO_API, b))
			var answer abi.API
			answer.Decode(b)
			k.Equal(abi.API{API: 0xAA, Features: 0, Ioctls: apiIoctls}, answer)
			k.Equal(bytes.Repeat([]byte{0xee}, 16), b[24:])
			k.Equal(uffd.StateRunning, k.ctxs['A'].State())
		})
	}
}

// API-5: if the answer cannot be stored, the handshake has not been made.
func TestHandshakeAnswerUnwritable(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.open('A', 0)
		at := k.readOnlyArg(encode(&goodAPI, abi.APISize))
		k.Equal(errno.EFAULT, k.ioctlAt(fd, abi.UFFDIO_API, at))
		k.Equal(uffd.StateWaitAPI, k.ctxs['A'].State())
		k.Equal("EINVAL", k.read(fd, 32))
		k.protect(at, 1, rw)
		k.NoError(k.ioctlAt(fd, abi.UFFDIO_API, at))
		k.Equal(uffd.StateRunning, k.ctxs['A'].State())
	})
}

// API-6: of two concurrent handshakes, one or both succeed. Since 5.15 a
// compare-and-exchange lets only one succeed.
func TestTwoHandshakesAtOnce(t *testing.T) {
	for version, want := range map[string][]string{
		"2015+copy": {"EINVAL ok", "ok EINVAL", "ok ok"},
		"4.14":      {"EINVAL ok", "ok EINVAL", "ok ok"},
		"6.18":      {"EINVAL ok", "ok EINVAL"},
	} {
		seen := outcomesIn(t, version, 300, func(k *fixture) string {
			fd := k.open('A', 0)
			shake := func(t *machine.Task) string {
				api := goodAPI
				return result(t.UffdAPI(fd, &api))
			}
			a, b := k.start("a", shake), k.start("b", shake)
			k.settle()
			return a.String() + " " + b.String()
		})
		if !equalKeys(seen, want) {
			t.Errorf("%s: outcomes are %v, want %v", version, seen, want)
		}
	}
}

// API-7, §15.1: everything but read and poll works before the handshake, and a fault
// queued before it can be read afterwards.
func TestNoGateBeforeTheHandshake(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.mmap(0, 4, '-')
		fd := k.open('A', abi.ONonblock)
		k.NoError(k.register(fd, 0, 4))
		k.Equal("AAAA", k.bar())
		k.NoError(k.unregister(fd, 3, 1))
		k.Equal("AAA|-", k.bar())
		k.NoError(k.wake(fd, 0, 4))

		f := k.load("f", pg(1)+7)
		k.settle()
		k.Equal("asleep", f.String())
		k.Equal("f /", k.queues('A'))
		k.Equal("EINVAL", k.read(fd, 32))
		k.Equal(vfs.PollErr, k.poll(fd))

		_, err := k.api(fd, goodAPI)
		k.NoError(err)
		k.Equal(vfs.PollIn, k.poll(fd))
		k.Equal("p1+0x7r", k.read(fd, 32))
	})
}

// API-8: all bits of the command count, and an unknown command is EINVAL.
func TestUnknownCommands(t *testing.T) {
	each(t, func(k *fixture) {
		k.lay("----")
		var cmds []uint32
		for _, known := range abi.Ioctls() {
			c := known.Cmd
			cmds = append(cmds, c+1<<16, c-1<<16, c+8<<16, c^1<<30, c^1<<31, c&^(3<<30), c^0x100, c&0xff|0x5500, c+0x10)
		}
		cmds = append(cmds, 0, ^uint32(0), 0x5401, 0xc010aa05)
		fd := k.open('A', 0)
		for range 2 { // before the handshake and after it
			for _, cmd := range cmds {
				arg := missing(0, 4)
				b := append(encode(&arg, abi.RegisterSize), make([]byte, 32)...)
				old := bytes.Clone(b)
				k.Equal(errno.EINVAL, k.ioctl(fd, cmd, b), "cmd %#x", cmd)
				k.Equal(old, b, "cmd %#x", cmd)
				k.Equal(errno.EINVAL, k.ioctlAt(fd, cmd, nowhere), "cmd %#x", cmd)
			}
			k.Equal("----", k.bar())
			if k.ctxs['A'].State() == uffd.StateWaitAPI {
				_, err := k.api(fd, goodAPI)
				k.NoError(err)
			}
		}
	})
}

// §3: the ioctl numbers that programs are compiled with, and the sizes encoded in them.
func TestIoctlNumbers(t *testing.T) {
	for _, c := range []struct {
		name string
		cmd  uint32
		want uint32
		size uint32
	}{
		{"API", abi.UFFDIO_API, 0xc018aa3f, 24},
		{"REGISTER", abi.UFFDIO_REGISTER, 0xc020aa00, 32},
		{"UNREGISTER", abi.UFFDIO_UNREGISTER, 0x8010aa01, 16},
		{"WAKE", abi.UFFDIO_WAKE, 0x8010aa02, 16},
		{"COPY", abi.UFFDIO_COPY, 0xc028aa03, 40},
		{"ZEROPAGE", abi.UFFDIO_ZEROPAGE, 0xc020aa04, 32},
	} {
		if c.cmd != c.want || c.cmd>>16&0x3fff != c.size {
			t.Errorf("UFFDIO_%s is %#x, want %#x", c.name, c.cmd, c.want)
		}
	}
}

// Since 5.15 a bit of the features says that the handshake has been made.
func TestStateIsAFeature(t *testing.T) {
	for _, version := range []string{"5.15", "6.18"} {
		eachIn(t, version, func(k *fixture) {
			fd := k.open('A', 0)
			k.Equal(uffd.StateWaitAPI, k.ctxs['A'].State())
			_, err := k.api(fd, abi.API{API: abi.APIVersion})
			k.NoError(err)
			k.Equal(uffd.StateRunning, k.ctxs['A'].State())
		})
	}
}
