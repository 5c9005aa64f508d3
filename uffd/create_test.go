package uffd_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// create calls userfaultfd(2).
func (k *fixture) create(p *machine.Process, flags uint32, fail string) (fd int, err error) {
	k.t.Helper()
	k.doIn(p, func(t *machine.Task) {
		if fail != "" {
			t.InjectFaults(func(site string) bool { return site == fail })
		}
		fd, err = t.Userfaultfd(flags)
	})
	return fd, err
}

// CREATE-1: without a free descriptor the flags are not checked.
func TestNoDescriptorComesBeforeBadFlags(t *testing.T) {
	only2015(t, func(k *fixture) {
		k.m.MaxFds = 1
		p := k.newProcess()
		fd, err := k.create(p, 0, "")
		k.NoError(err)
		k.Zero(fd)
		_, err = k.create(p, 0x1, "")
		k.Equal(errno.EMFILE, err)
		_, err = k.create(p, 0, "")
		k.Equal(errno.EMFILE, err)
	})
}

// Since 4.16 the context is created before the descriptor is reserved: EINVAL, ENOMEM,
// EMFILE, ENFILE. None of these errors leaves anything behind.
func TestContextComesBeforeDescriptor(t *testing.T) {
	eachIn(t, "4.16", func(k *fixture) {
		k.m.MaxFds = 1
		p := k.newProcess()
		_, err := k.create(p, 0, "anon_inode_getfile")
		k.Equal(errno.ENFILE, err)
		fd, err := k.create(p, 0, "")
		k.NoError(err)
		k.Zero(fd, "the descriptor was released")
		_, err = k.create(p, 0x2, "userfaultfd_ctx")
		k.Equal(errno.EINVAL, err)
		_, err = k.create(p, 0, "userfaultfd_ctx")
		k.Equal(errno.ENOMEM, err)
		_, err = k.create(p, 0, "")
		k.Equal(errno.EMFILE, err)
		k.doIn(p, func(t *machine.Task) { k.NoError(t.Close(fd)) })
		k.EqualValues(1, p.MM.Users())
		k.EqualValues(1, p.MM.Pins(), "no context pins the mm_struct")
	})
}

// CREATE-2: two flags are allowed. A refusal leaves no descriptor reserved.
func TestFlags(t *testing.T) {
	only2015(t, func(k *fixture) {
		for bit := range 32 {
			flags := uint32(1) << bit
			fd, err := k.create(k.p, flags, "")
			if flags == abi.ONonblock || flags == abi.OCloexec {
				k.NoError(err, "flags %#x", flags)
				k.Zero(fd, "flags %#x", flags)
				k.close(fd)
				continue
			}
			k.Equal(errno.EINVAL, err, "flags %#x", flags)
			_, err = k.create(k.p, flags|abi.ONonblock|abi.OCloexec, "")
			k.Equal(errno.EINVAL, err, "flags %#x and good ones", flags)
			k.Nil(k.p.Files().File(0))
			k.EqualValues(1, k.p.MM.Users())
		}
		fd, err := k.create(k.p, abi.ONonblock|abi.OCloexec, "")
		k.NoError(err)
		k.Zero(fd, "the reserved descriptors were not released")
	})
}

// CREATE-3: the context cannot be allocated.
func TestNoMemoryForTheContext(t *testing.T) {
	only2015(t, func(k *fixture) {
		_, err := k.create(k.p, 0, "userfaultfd_ctx")
		k.Equal(errno.ENOMEM, err)
		k.EqualValues(1, k.p.MM.Users(), "the mm is pinned after the allocation")
		_, err = k.create(k.p, 2, "userfaultfd_ctx")
		k.Equal(errno.EINVAL, err, "the flags are checked before the allocation")
		fd, err := k.create(k.p, 0, "")
		k.NoError(err)
		k.Zero(fd)
	})
}

// CREATE-4: the fields of a new context.
func TestNewContext(t *testing.T) {
	only2015(t, func(k *fixture) {
		for i, flags := range []uint32{0, abi.ONonblock, abi.OCloexec} {
			k.open('A', flags)
			ctx := k.ctxs['A']
			k.EqualValues(1, ctx.Refs())
			k.Equal(uffd.StateWaitAPI, ctx.State())
			k.False(ctx.Released())
			k.False(ctx.Freed())
			k.Same(k.p.MM, ctx.MM())
			k.EqualValues(2+i, k.p.MM.Users(), "a user reference for each context")
			pending, seen := ctx.Queues()
			k.Empty(pending)
			k.Empty(seen)
		}
	})
}

// CREATE-5: the name and the flags of the file, which cannot be written to.
func TestFile(t *testing.T) {
	only2015(t, func(k *fixture) {
		for _, flags := range []uint32{0, abi.ONonblock, abi.OCloexec, abi.ONonblock | abi.OCloexec} {
			fd := k.open('A', flags)
			k.Equal("[userfaultfd]", k.p.Files().File(fd).Name)
			at := k.args(1)
			k.do(func(t *machine.Task) {
				got, err := t.FcntlGetFlags(fd)
				k.NoError(err)
				k.EqualValues(abi.ORdwr|flags&abi.ONonblock, got, "close-on-exec is the descriptor's")
				for _, n := range []uint64{0, 8, 4096} {
					_, err = t.Write(fd, at, n)
					k.Equal(errno.EINVAL, err)
				}
			})
		}
	})
}

// CREATE-6, §15.5: if the file cannot be created the context is freed, but its reference
// on the mm is leaked.
func TestNoFileLeaksTheMM(t *testing.T) {
	only2015(t, func(k *fixture) {
		_, err := k.create(k.p, 0, "anon_inode_getfile")
		k.Equal(errno.ENFILE, err)
		k.EqualValues(2, k.p.MM.Users())
		fd, err := k.create(k.p, 0, "")
		k.NoError(err)
		k.Zero(fd, "the descriptor was released")

		k.lay("-")
		k.poke(pg(0), []byte{'x'})
		k.do(func(t *machine.Task) { t.Exit() })
		k.EqualValues(1, k.p.MM.Users(), "the leaked reference")
		k.NotZero(k.m.Memory().InUse())
	})
}

// CREATE-7: until the descriptor is installed no other task can use it.
func TestDescriptorIsInstalledLast(t *testing.T) {
	only2015(t, func(k *fixture) {
		creator := k.start("u", func(t *machine.Task) string {
			_, err := t.Userfaultfd(0)
			return result(err)
		})
		thief := k.start("c", func(t *machine.Task) string { return result(t.Close(0)) })
		k.play(upTo("u", "spin_unlock files.lock"), // it has reserved the descriptor
			upTo("u", "spin_lock files.lock"), // and is about to install the file
			all("c"), all("u"))
		k.settle()
		k.Equal("EBADF", thief.String())
		k.Equal("ok", creator.String())
		k.NotNil(k.p.Ctx(0))
	})
}

// CREATE-9: the file operations.
func TestOperations(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', 0)
		ops := k.p.Files().File(fd).Ops
		k.NotNil(ops.Read)
		k.NotNil(ops.Poll)
		k.NotNil(ops.Ioctl)
		k.NotNil(ops.Llseek)
		k.NotNil(ops.ShowFdinfo)
		k.NotNil(ops.Release)
		k.Nil(ops.Write)
		k.do(func(t *machine.Task) {
			_, err := t.Mmap(0, page, mm.ProtRead, mm.MapShared, fd, 0)
			k.Equal(errno.ENODEV, err)
		})
	})
}

// CREATE-9: lseek returns ESPIPE, although the file has an llseek operation. Since 6.0 it
// succeeds without effect. An invalid whence is EINVAL in both.
func TestSeek(t *testing.T) {
	want := error(errno.ESPIPE)
	for _, v := range kernel.Profiles() {
		if v.Name == "6.0" {
			want = nil
		}
		exec := &sim.Free{}
		machine.New(exec, v).NewProcess().Go("t", func(task *machine.Task) {
			fd, err := task.Userfaultfd(0)
			require.NoError(t, err)
			for whence := range 5 {
				for _, offset := range []int64{0, 7, -7, 1 << 40} {
					pos, err := task.Lseek(fd, offset, whence)
					require.Equal(t, want, err, v.Name)
					require.Zero(t, pos)
				}
			}
			for _, whence := range []int{-1, 5, 99} {
				_, err := task.Lseek(fd, 0, whence)
				require.Equal(t, errno.EINVAL, err, v.Name)
			}
		}, nil)
		exec.Wait()
	}
}

// CREATE-10: fcntl, not the creation flags, decides whether the file blocks. It sets this
// for the file, through any of its descriptors.
func TestBlockingIsTheFilesOfNow(t *testing.T) {
	only2015(t, func(k *fixture) {
		fd := k.uffd('A', abi.ONonblock)
		k.Equal("EAGAIN", k.read(fd, 32))
		var copied int
		k.do(func(t *machine.Task) {
			var err error
			copied, err = t.Dup(fd)
			k.NoError(err)
			k.NoError(t.FcntlSetFlags(copied, 0))
		})
		r := k.reader("r", fd, 32)
		k.settle()
		k.Equal("asleep", r.String())
		k.do(func(t *machine.Task) { k.NoError(t.FcntlSetFlags(fd, abi.ONonblock)) })
		k.Equal("asleep", r.String(), "a read that already sleeps does not test the flag again")
		k.Equal("EAGAIN", k.read(copied, 32))
	})
}

// CREATE-11, REF-2: the last put asserts that the context's queues are empty. A killed
// fault that leaves its entry behind triggers the assertion.
func TestFreeAssertsEmptyQueues(t *testing.T) {
	for _, seen := range []bool{false, true} {
		only2015(t, func(k *fixture) {
			k.m.Dropped = rule.Of(uffd.UnlinkOwnEntry)
			k.lay("A")
			f := k.load("f", pg(0))
			k.settle()
			if seen {
				k.Equal("p0r", k.read(k.fds['A'], 32))
			}
			k.start("c", func(t *machine.Task) string {
				t.Kill(f.task, 2)
				return result(t.Close(k.fds['A']))
			})
			k.NotEmpty(k.bug().What)
			k.ctxs = nil
			k.procs = nil
		})
	}
}
