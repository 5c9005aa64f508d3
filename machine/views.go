package machine

import (
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// The functions in this file are for observers outside the model, as are those of package
// procfs. They take no visible step. Call them only while the machine is settled.

// Ctx returns the userfaultfd context of a descriptor, nil if it has none.
func (p *Process) Ctx(fd int) *uffd.Ctx {
	if f := p.files.File(fd); f != nil {
		return uffd.FromFile(f)
	}
	return nil
}

// CheckInvariants checks that the data structures of the process's address space are
// consistent, and returns an error that describes the violations. It takes mmap_lock for
// reading.
func (p *Process) CheckInvariants() error {
	t := sim.Observer()
	p.MM.MmapLock.DownRead(t)
	defer p.MM.MmapLock.UpRead(t)
	return p.MM.CheckInvariants(t)
}

// OpenStd opens descriptors 0, 1 and 2, which a program inherits from its shell, so that
// the descriptors that it opens start at 3. The process must not have any descriptor.
func (p *Process) OpenStd() {
	t := sim.Observer()
	f := vfs.NewFile("/dev/tty", &vfs.FileOperations{}, abi.ORdwr, nil)
	for range 2 {
		f.Get(t)
	}
	for range 3 {
		fd, err := p.files.GetUnusedFd(t, 0)
		sim.BugOn(t, err != nil, "open", "no descriptors for the standard streams")
		p.files.FdInstall(t, fd, f)
	}
}
