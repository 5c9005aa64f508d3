package scenario

import (
	"fmt"
	"strings"

	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"github.com/uffdsim/uffdsim/vfs"
)

// domain is the set of names for a number in arguments and answers.
type domain struct {
	what   string // the kind of a name, for messages: "an O_ flag"
	names  []constant
	prefix string // of the names; arguments may have it or not: UFFDIO_REGISTER_MODE_
}

type constant struct {
	name  string
	value uint64
}

// lookup returns the value of a name.
func (d *domain) lookup(name string) (uint64, bool) {
	for _, c := range d.names {
		if c.name == name || d.prefix != "" && d.prefix+c.name == name {
			return c.value, true
		}
	}
	return 0, false
}

func (d *domain) known() []string {
	known := make([]string, len(d.names))
	for i, c := range d.names {
		known[i] = c.name
	}
	return known
}

// format returns a mask as text: the names of its bits in the table's order, and bits
// without a name as a number; 0 for an empty mask.
func (d *domain) format(mask uint64) string {
	if mask == 0 {
		return "0"
	}
	var parts []string
	for _, c := range d.names {
		if c.value != 0 && mask&c.value == c.value {
			parts = append(parts, c.name)
			mask &^= c.value
		}
	}
	if mask != 0 {
		parts = append(parts, fmt.Sprintf("%#x", mask))
	}
	return strings.Join(parts, "|")
}

var (
	openFlags = &domain{what: "an O_ flag", names: []constant{
		{"UFFD_USER_MODE_ONLY", abi.UserModeOnly},
		{"O_RDONLY", 0}, {"O_WRONLY", 1}, {"O_RDWR", abi.ORdwr},
		{"O_NONBLOCK", abi.ONonblock}, {"O_CLOEXEC", abi.OCloexec},
	}}
	protections = &domain{what: "a protection", names: []constant{
		{"PROT_NONE", uint64(mm.ProtNone)}, {"PROT_READ", uint64(mm.ProtRead)},
		{"PROT_WRITE", uint64(mm.ProtWrite)}, {"PROT_EXEC", uint64(mm.ProtExec)},
		{"PROT_GROWSDOWN", uint64(mm.ProtGrowsDown)}, {"PROT_GROWSUP", uint64(mm.ProtGrowsUp)},
	}}
	mapFlags = &domain{what: "a mapping flag", names: []constant{
		{"MAP_SHARED", uint64(mm.MapShared)}, {"MAP_PRIVATE", uint64(mm.MapPrivate)},
		{"MAP_FIXED", uint64(mm.MapFixed)}, {"MAP_ANONYMOUS", uint64(mm.MapAnonymous)},
		{"MAP_ANON", uint64(mm.MapAnonymous)}, {"MAP_GROWSDOWN", uint64(mm.MapGrowsDown)},
		{"MAP_LOCKED", uint64(mm.MapLocked)}, {"MAP_NORESERVE", uint64(mm.MapNoReserve)},
		{"MAP_FIXED_NOREPLACE", uint64(mm.MapFixedNoReplace)},
		{"MAP_DROPPABLE", uint64(mm.MapDroppable)}, {"MAP_32BIT", uint64(mm.Map32Bit)},
		{"MAP_ABOVE4G", uint64(mm.MapAbove4G)}, {"MAP_POPULATE", uint64(mm.MapPopulate)},
		{"MAP_HUGETLB", uint64(mm.MapHugeTLB)},
	}}
	mremapFlags = &domain{what: "an mremap flag", names: []constant{
		{"MREMAP_MAYMOVE", uint64(mm.MremapMayMove)}, {"MREMAP_FIXED", uint64(mm.MremapFixed)},
		{"MREMAP_DONTUNMAP", uint64(mm.MremapDontUnmap)},
	}}
	advices = &domain{what: "a piece of advice", names: append([]constant{
		{"MADV_NORMAL", uint64(mm.MadvNormal)}, {"MADV_RANDOM", uint64(mm.MadvRandom)},
		{"MADV_SEQUENTIAL", uint64(mm.MadvSequential)}, {"MADV_WILLNEED", uint64(mm.MadvWillNeed)},
		{"MADV_DONTNEED", uint64(mm.MadvDontNeed)}, {"MADV_DONTFORK", uint64(mm.MadvDontFork)},
		{"MADV_DOFORK", uint64(mm.MadvDoFork)}, {"MADV_HUGEPAGE", uint64(mm.MadvHugePage)},
		{"MADV_NOHUGEPAGE", uint64(mm.MadvNoHugePage)}, {"MADV_DONTDUMP", uint64(mm.MadvDontDump)},
		{"MADV_DODUMP", uint64(mm.MadvDoDump)}, {"MADV_POPULATE_READ", uint64(mm.MadvPopulateRead)},
		{"MADV_POPULATE_WRITE", uint64(mm.MadvPopulateWrite)},
	}, unmodelledAdvices()...)}
	whences = &domain{what: "a whence", names: []constant{{"SEEK_SET", 0}, {"SEEK_CUR", 1}, {"SEEK_END", 2}}}

	pollEvents = &domain{what: "a poll event", names: []constant{
		{"POLLIN", uint64(vfs.PollIn)}, {"POLLERR", uint64(vfs.PollErr)},
		{"POLLHUP", uint64(vfs.PollHup)}, {"POLLNVAL", uint64(vfs.PollNval)},
	}}
	thpModes = &domain{what: "a mode of transparent huge pages", names: []constant{
		{"always", uint64(mm.THPAlways)}, {"madvise", uint64(mm.THPMadvise)}, {"never", uint64(mm.THPNever)},
	}}
)

// unmodelledAdvices returns the advice values of Linux that the model does not support.
func unmodelledAdvices() []constant {
	var names []constant
	for _, u := range mm.UnmodelledAdvices() {
		names = append(names, constant{u.Name, uint64(u.Advice)})
	}
	return names
}
