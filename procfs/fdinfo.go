package procfs

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/vfs"
)

// Fdinfo returns the text of /proc/PID/fdinfo/FD, as far as the file's own kind shows
// anything: what ->show_fdinfo adds to it. The error is ENOENT for a descriptor that is
// not open. It recreates seq_show of fs/proc/fd.c.
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
