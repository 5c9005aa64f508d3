package machine

import (
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// The views are what /proc shows of a process. They are for observers outside of
// the model, take no visible step, and may only be called while the machine is
// settled: every task asleep or in user mode.

// observer is the current task of a view. It belongs to an executor of its own, so
// that the locks it takes are steps in nobody's run.
func observer() *sim.Task { return new(sim.Free).Attach("observer", nil) }

// Mapping is a line of /proc/PID/maps, with what the kernel does not print there of
// a userfaultfd registration.
type Mapping struct {
	// Start and End bound the mapping, in bytes: [Start, End).
	Start, End uint64
	// Prot are the rights: "rw-p".
	Prot string
	// Kind is what is mapped: "" for plain anonymous memory, the file's or the
	// operations' name otherwise.
	Kind string
	// Ctx is the context that gets the mapping's faults, nil for none, and Modes what
	// it gets them for: "missing".
	Ctx   *uffd.Ctx
	Modes string
}

// Maps lists the process's mappings, lowest first: /proc/PID/maps.
func (p *Process) Maps() []Mapping {
	t := observer()
	p.MM.MmapLock.DownRead(t)
	defer p.MM.MmapLock.UpRead(t)
	var maps []Mapping
	for vma := p.MM.First(t); vma != nil; vma = vma.Next() {
		m := Mapping{Start: vma.Start, End: vma.End, Prot: vma.Flags.Prot(), Kind: vma.Backing(), Modes: vma.Flags.Modes()}
		m.Ctx, _ = vma.Userfault.(*uffd.Ctx)
		maps = append(maps, m)
	}
	return maps
}

// Fdinfo is the text of /proc/PID/fdinfo/FD, as far as the file's own kind shows
// anything. The error is ENOENT for a descriptor that is not open.
func (p *Process) Fdinfo(fd int) (string, error) {
	f := p.files.File(fd)
	if f == nil {
		return "", errno.ENOENT
	}
	if f.Ops.ShowFdinfo == nil {
		return "", nil
	}
	return f.Ops.ShowFdinfo(observer(), f), nil
}

// Ctx is the userfaultfd context behind a descriptor, nil if there is none.
func (p *Process) Ctx(fd int) *uffd.Ctx {
	if f := p.files.File(fd); f != nil {
		return uffd.FromFile(f)
	}
	return nil
}

// PageWalk follows the process's page table to addr.
func (p *Process) PageWalk(addr uint64) []mm.WalkLevel { return p.MM.PageWalk(addr) }

// CheckInvariants holds the bookkeeping of the process's address space against
// itself, and returns what is wrong.
func (p *Process) CheckInvariants() error {
	t := observer()
	p.MM.MmapLock.DownRead(t)
	defer p.MM.MmapLock.UpRead(t)
	return p.MM.CheckInvariants(t)
}

// OpenStd gives the process the descriptors 0, 1 and 2, as every program has them
// from its shell, so that its own begin with 3. It must not have any yet.
func (p *Process) OpenStd() {
	t := observer()
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
