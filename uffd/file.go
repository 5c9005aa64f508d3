package uffd

import (
	"fmt"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// fops are the file operations of a userfaultfd: userfaultfd_fops (CREATE-9). They have
// no write.
var fops *vfs.FileOperations

func init() { // not in the declaration: the functions refer to fops through FromFile
	fops = &vfs.FileOperations{
		Read:       userfaultfdRead,
		Poll:       userfaultfdPoll,
		Ioctl:      userfaultfdIoctl,
		Llseek:     llseek,
		ShowFdinfo: userfaultfdShowFdinfo,
		Release:    userfaultfdRelease,
	}
}

// Userfaultfd returns a descriptor for a new context of the current task's mm: the system
// call userfaultfd(2). Errors, in order: EMFILE, if the table has no free descriptor;
// EINVAL for an unknown flag; ENOMEM, if the context cannot be allocated; ENFILE, if the
// file cannot. The descriptor is reserved first (CREATE-1); since 4.16 see
// newUserfaultfd.
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
	files.FdInstall(t, fd, f) // last: from now on other threads can close it (CREATE-7)
	return fd, nil
}

// newUserfaultfd is userfaultfd(2) since 4.16: it creates the context before it reserves
// a descriptor. Errors, in order: EINVAL for an unknown flag, ENOMEM, EMFILE, ENFILE.
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
	files.FdInstall(t, fd, c.newFile(t)) // last: from now on other threads can close it (CREATE-7)
	return fd, nil
}

// sharedFcntlFlags are the flags with the same value in open(2): UFFD_SHARED_FCNTL_FLAGS.
const sharedFcntlFlags = abi.OCloexec | abi.ONonblock

// FileCreate returns a file for a new context, without a descriptor:
// userfaultfd_file_create. Errors, in order: EINVAL for an unknown flag, ENOMEM if the
// context cannot be allocated, ENFILE if the file cannot.
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
		// The 2015 code leaks the reference on the mm here, and so does the model
		// (CREATE-6).
		if c.facts.Create.PutsMM {
			c.unpin(t)
		}
		c.free(t)
		return nil, errno.ENFILE
	}
	return c.newFile(t), nil
}

// newFile returns the file of the context: anon_inode_getfile (CREATE-5).
func (c *Ctx) newFile(t *sim.Task) *vfs.File {
	mode := uint32(abi.ORdwr)
	if c.facts.Create.ReadOnly {
		mode = abi.ORdonly
	}
	f := vfs.NewFile("[userfaultfd]", fops, mode|c.flags&abi.ONonblock, c)
	sim.Label(t, f, "file", t.Unique())
	return f
}

// FromFile returns the context of a userfaultfd, or nil for any other file.
func FromFile(f *vfs.File) *Ctx {
	if f.Ops != fops {
		return nil
	}
	return f.Private.(*Ctx)
}

// llseek returns 0, the position, and changes nothing: noop_llseek. Before 6.0 it returns
// ESPIPE, as vfs_llseek did for a file without FMODE_LSEEK, which anon_inode files
// lacked.
func llseek(_ *sim.Task, f *vfs.File, _ int64, _ int) (int64, error) {
	if !f.Private.(*Ctx).facts.Create.Seekable {
		return 0, errno.ESPIPE
	}
	return 0, nil
}

// userfaultfdShowFdinfo returns the context's lines of /proc/PID/fdinfo/FD:
// userfaultfd_show_fdinfo (FDINFO-1). It takes fault_pending_wqh.lock.
func userfaultfdShowFdinfo(t *sim.Task, f *vfs.File) string {
	c := f.Private.(*Ctx)
	c.faultPendingWqh.Lock.Lock(t)
	pending := c.faultPendingWqh.Len()
	total := pending + c.faultWqh.Len()
	c.faultPendingWqh.Lock.Unlock(t)
	return fmt.Sprintf("pending:\t%d\ntotal:\t%d\nAPI:\t%x:%x:%x\n", pending, total,
		abi.APIVersion, c.features.Peek(), c.facts.APIIoctls|c.facts.RangeIoctls)
}
