package uffd

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// fops is what can be done with a userfaultfd: userfaultfd_fops (CREATE-9). There is
// no write.
var fops *vfs.FileOperations

func init() { // the functions refer to fops by way of FromFile
	fops = &vfs.FileOperations{
		Read:       userfaultfdRead,
		Poll:       userfaultfdPoll,
		Ioctl:      userfaultfdIoctl,
		Llseek:     llseek,
		ShowFdinfo: userfaultfdShowFdinfo,
		Release:    userfaultfdRelease,
	}
}

// Userfaultfd is the system call userfaultfd(2): it returns a descriptor for a new context of
// the current task's mm. The errors, in order: EMFILE, EINVAL for unknown flags, ENOMEM, ENFILE
// (CREATE-1); since 4.16 those of [newUserfaultfd].
func Userfaultfd(t *sim.Task, files *vfs.FDTable, flags uint32, conf *Config) (int, error) {
	if conf.Facts.Create.ContextFirst {
		return newUserfaultfd(t, files, flags, conf)
	}
	fd, err := files.GetUnusedFd(t, flags&sharedFcntlFlags)
	if err != nil {
		return -1, err
	}
	f, err := FileCreate(t, flags, conf)
	if err != nil {
		files.PutUnusedFd(t, fd)
		return -1, err
	}
	files.FdInstall(t, fd, f) // last: now other threads can close it (CREATE-7)
	return fd, nil
}

// newUserfaultfd is Userfaultfd since 4.16: it makes the context before it reserves a descriptor.
// The errors, in order: EINVAL for unknown flags, ENOMEM, EMFILE, ENFILE.
func newUserfaultfd(t *sim.Task, files *vfs.FDTable, flags uint32, conf *Config) (int, error) {
	if conf.Dropped.Any() {
		return newUserfaultfdWithout(t, files, flags, conf)
	}
	if flags&^conf.Facts.Flags != 0 {
		return -1, errno.EINVAL
	}
	if t.ShouldFail("userfaultfd_ctx") {
		return -1, errno.ENOMEM
	}
	c := newCtx(t, flags, conf)
	c.pin(t)
	fd, err := files.GetUnusedFd(t, flags&sharedFcntlFlags)
	if err != nil {
		c.unpin(t)
		c.free(t)
		return -1, err
	}
	if t.ShouldFail("anon_inode_getfile") {
		files.PutUnusedFd(t, fd)
		c.unpin(t)
		c.free(t)
		return -1, errno.ENFILE
	}
	files.FdInstall(t, fd, c.newFile(t)) // last: now other threads can close it (CREATE-7)
	return fd, nil
}

const sharedFcntlFlags = abi.OCloexec | abi.ONonblock

// FileCreate makes a context and the file that stands for it, without a descriptor:
// userfaultfd_file_create. EINVAL for unknown flags, ENOMEM without memory for the
// context, ENFILE without a file.
func FileCreate(t *sim.Task, flags uint32, conf *Config) (*vfs.File, error) {
	if conf.Dropped.Any() {
		return fileCreateWithout(t, flags, conf)
	}
	if flags&^conf.Facts.Flags != 0 {
		return nil, errno.EINVAL
	}
	if t.ShouldFail("userfaultfd_ctx") {
		return nil, errno.ENOMEM
	}
	c := newCtx(t, flags, conf)
	c.pin(t)
	if t.ShouldFail("anon_inode_getfile") {
		// The 2015 code forgets the mm's reference here (CREATE-6).
		if c.facts.Create.PutsMM {
			c.unpin(t)
		}
		c.free(t)
		return nil, errno.ENFILE
	}
	return c.newFile(t), nil
}

// newFile returns a file that stands for the context: anon_inode_getfile (CREATE-5).
func (c *Ctx) newFile(t *sim.Task) *vfs.File {
	mode := uint32(abi.ORdwr)
	if c.facts.Create.ReadOnly {
		mode = abi.ORdonly
	}
	f := vfs.NewFile("[userfaultfd]", fops, mode|c.flags&abi.ONonblock, c)
	sim.Label(t, f, "file", t.Unique())
	return f
}

// FromFile returns the context that a file stands for, nil if it is no userfaultfd.
func FromFile(f *vfs.File) *Ctx {
	if f.Ops != fops {
		return nil
	}
	return f.Private.(*Ctx)
}

// llseek leaves the position, which is always 0, where it is: noop_llseek. Only since 6.0
// does vfs_llseek come that far, for before that an anon_inode's file has no FMODE_LSEEK:
// ESPIPE.
func llseek(_ *sim.Task, f *vfs.File, _ int64, _ int) (int64, error) {
	if !f.Private.(*Ctx).facts.Create.Seekable {
		return 0, errno.ESPIPE
	}
	return 0, nil
}

// userfaultfdShowFdinfo is what /proc/PID/fdinfo shows of the context:
// userfaultfd_show_fdinfo (FDINFO-1).
func userfaultfdShowFdinfo(t *sim.Task, f *vfs.File) string {
	c := f.Private.(*Ctx)
	c.faultPendingWqh.Lock.Lock(t)
	pending := c.faultPendingWqh.Len()
	total := pending + c.faultWqh.Len()
	c.faultPendingWqh.Lock.Unlock(t)
	return fmt.Sprintf("pending:\t%d\ntotal:\t%d\nAPI:\t%x:%x:%x\n", pending, total,
		abi.APIVersion, c.features.Peek(), c.facts.APIIoctls|c.facts.RangeIoctls)
}
