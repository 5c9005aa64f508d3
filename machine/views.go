package machine

import (
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// What follows is for observers outside of the model, like the views of package procfs: it
// takes no visible step, and may only be called while the machine is settled.

// Ctx returns the userfaultfd context behind a descriptor, nil if there is none.
func (p *Process) Ctx(fd int) *uffd.Ctx {
	if f := p.files.File(fd); f != nil {
		return uffd.FromFile(f)
	}
	return nil
}

// CheckInvariants holds the bookkeeping of the process's address space against
// itself, and returns what is wrong.
func (p *Process) CheckInvariants() error {
	t := sim.Observer()
	p.MM.MmapLock.DownRead(t)
	defer p.MM.MmapLock.UpRead(t)
	return p.MM.CheckInvariants(t)
}

// OpenStd gives the process the descriptors 0, 1 and 2, as every program has them
// from its shell, so that its own begin with 3. It must not have any yet.
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
