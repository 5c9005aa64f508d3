package vfs_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// open installs a new file whose ->release increments *released.
func open(t *testing.T, task *sim.Task, files *vfs.FDTable, released *int) int {
	t.Helper()
	fd, err := files.GetUnusedFd(task, 0)
	require.NoError(t, err)
	ops := &vfs.FileOperations{Release: func(*sim.Task, *vfs.File) error { *released++; return nil }}
	files.FdInstall(task, fd, vfs.NewFile("f", ops, 0, nil))
	return fd
}

func TestLowestFreeDescriptorIsUsed(t *testing.T) {
	task, files, released := sim.Observer(), vfs.NewFDTable(2), 0
	require.Equal(t, 0, open(t, task, files, &released))
	require.Equal(t, 1, open(t, task, files, &released))
	_, err := files.GetUnusedFd(task, 0)
	require.Equal(t, errno.EMFILE, err)
	f, err := files.PickFile(task, 0)
	require.NoError(t, err)
	f.Put(task)
	require.Equal(t, 1, released)
	_, err = files.PickFile(task, 0)
	require.Equal(t, errno.EBADF, err)
	require.Equal(t, 0, open(t, task, files, &released))
}

func TestReservedDescriptorIsNotOpen(t *testing.T) {
	task, files := sim.Observer(), vfs.NewFDTable(2)
	fd, err := files.GetUnusedFd(task, 0)
	require.NoError(t, err)
	_, err = files.Fget(task, fd)
	require.Equal(t, errno.EBADF, err)
	_, err = files.PickFile(task, fd)
	require.Equal(t, errno.EBADF, err)
	files.PutUnusedFd(task, fd)
	again, err := files.GetUnusedFd(task, 0)
	require.NoError(t, err)
	require.Equal(t, fd, again)
}

// A file is released with its last reference, be it a descriptor's or that of a system
// call in progress (REL-13).
func TestFileStaysWhileACallUsesIt(t *testing.T) {
	task, files, released := sim.Observer(), vfs.NewFDTable(2), 0
	fd := open(t, task, files, &released)
	f, err := files.Fget(task, fd)
	require.NoError(t, err)
	files.CloseFiles(task)
	require.Nil(t, files.File(fd))
	require.Zero(t, released)
	f.Put(task)
	require.Equal(t, 1, released)
}

// A child inherits its parent's open files but not its reserved descriptors.
func TestDupFd(t *testing.T) {
	task, files, released := sim.Observer(), vfs.NewFDTable(3), 0
	fd := open(t, task, files, &released)
	_, err := files.GetUnusedFd(task, 0)
	require.NoError(t, err)
	child := files.DupFd(task)
	require.Same(t, files.File(fd), child.File(fd))
	require.EqualValues(t, 2, files.File(fd).Count())
	next, err := child.GetUnusedFd(task, 0)
	require.NoError(t, err)
	require.Equal(t, 1, next)
	files.CloseFiles(task)
	require.Zero(t, released)
	child.CloseFiles(task)
	require.Equal(t, 1, released)
}
