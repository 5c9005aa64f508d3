package procfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Fdinfo returns the part of /proc/PID/fdinfo/FD that the file's ->show_fdinfo prints, or
// "" if the file has no such operation. It returns ENOENT if the descriptor is not open.
// It recreates seq_show of fs/proc/fd.c.
func Fdinfo(files *vfs.FDTable, fd int) (string, error) {
	f := files.File(fd)
	if f == nil {
		return "", errno.ENOENT
	}
	if f.Ops.ShowFdinfo == nil {
		return "", nil
	}
	return f.Ops.ShowFdinfo(sim.Observer(), f), nil
}
