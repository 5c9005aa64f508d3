package procfs

import (
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
)

// Mapping is one line of /proc/PID/maps, plus the mapping's userfaultfd registration,
// which the kernel does not print there.
type Mapping struct {
	// Start and End are the bounds of the mapping, [Start, End), as byte addresses.
	Start, End uint64
	// Prot is the protection column, such as "rw-p".
	Prot string
	// Kind names the backing: "" for plain anonymous memory, otherwise the name of the
	// file or of the memory type ("shmem").
	Kind string
	// Ctx is the userfaultfd context that handles the mapping's faults, nil if none.
	Ctx *uffd.Ctx
	// Modes lists the modes of the registration, such as "missing"; "" if none.
	Modes string
}

// Maps returns the mappings of an address space in ascending order, as /proc/PID/maps
// does. It takes mmap_lock for reading. It recreates show_map.
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
