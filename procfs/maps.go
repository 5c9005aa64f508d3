package procfs

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

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

// Maps lists the mappings of an address space, lowest first: /proc/PID/maps. It
// recreates show_map.
func Maps(space *mm.MM) []Mapping {
	t := sim.Observer()
	space.MmapLock.DownRead(t)
	defer space.MmapLock.UpRead(t)
	var maps []Mapping
	for vma := space.First(t); vma != nil; vma = vma.Next() {
		m := Mapping{Start: vma.Start, End: vma.End, Prot: vma.Flags.Prot(), Kind: vma.Backing(), Modes: vma.Flags.Modes()}
		m.Ctx, _ = vma.Userfault.(*uffd.Ctx)
		maps = append(maps, m)
	}
	return maps
}
