package scenario

import (
	"fmt"

	"github.com/uffdsim/uffdsim/mm"
)

// The operations that set up the machine from outside.
var controlOperations = []Operation{
	{
		Name: "sysctl", modelOnly: true, needed: true,
		Doc:     "sets vm.max_map_count, vm.mmap_min_addr or thp (always, madvise, never), for all processes.",
		Example: "sysctl(vm.max_map_count=4)",
		params:  []param{{name: "name=value", kind: kindSetting}},
		look: func(c *call) (answer, error) {
			m, err := c.model()
			if err != nil {
				return answer{}, err
			}
			m.set(c.args[0].text, c.args[0].number)
			return answer{}, nil
		},
	},
	{
		Name: "fail_nth", modelOnly: true, needed: true,
		Doc:     "makes the n-th allocation at a site fail in the next operation: " + siteList() + ".",
		Example: "fail_nth(split_vma, 1)",
		params:  []param{{name: "site", kind: kindName, domain: sites}, {name: "n", kind: kindCount}},
		look: func(c *call) (answer, error) {
			m, err := c.model()
			if err != nil {
				return answer{}, err
			}
			site := sites.names[c.number(0)].name
			m.faults = append(m.faults, &allocationFault{site: site, left: c.number(1)})
			return answer{}, nil
		},
	},
}

// sites are the allocations that can be made to fail: every name that the kernel code
// passes to Task.ShouldFail. The value is the index in the table.
var sites = numbered("an allocation site",
	"userfaultfd_ctx", "anon_inode_getfile", "mmap", "split_vma", "vma_merge", "copy_vma", "anon_vma",
	"fork", "alloc_page", "alloc_hugepage", "pmd_alloc", "pte_alloc")

func numbered(what string, names ...string) *domain {
	d := &domain{what: what}
	for i, name := range names {
		d.names = append(d.names, constant{name, uint64(i)})
	}
	return d
}

func siteList() string {
	list := ""
	for i, name := range sites.known() {
		if i > 0 {
			list += ", "
		}
		list += name
	}
	return list
}

// allocationFault is a failure of an allocation to come.
type allocationFault struct {
	site string
	left uint64
}

// injector returns the argument of Task.InjectFaults, nil for no faults.
func injector(faults []*allocationFault) func(site string) bool {
	if len(faults) == 0 {
		return nil
	}
	return func(site string) bool {
		fail := false
		for _, f := range faults {
			if f.site == site && f.left > 0 {
				f.left--
				fail = fail || f.left == 0
			}
		}
		return fail
	}
}

// The settings of sysctl.
var settings = []struct {
	name   string
	domain *domain // names for its value
	limit  uint64
}{
	{name: "vm.max_map_count", limit: 1 << 30},
	{name: "vm.mmap_min_addr", limit: mm.TaskSize},
	{name: "thp", domain: thpModes, limit: uint64(mm.THPNever)},
}

// set changes a setting in the machine, for future processes, and in all existing
// processes. The machine must be settled.
func (s *model) set(name string, value uint64) {
	m := s.machine
	switch name {
	case "vm.max_map_count":
		m.MaxMapCount = int(value)
	case "vm.mmap_min_addr":
		m.MmapMinAddr = value
	case "thp":
		m.THP = mm.THPMode(value)
	default:
		panic(fmt.Sprintf("no setting %q", name))
	}
	for _, p := range s.processes {
		p.MM.MaxMapCount, p.MM.MmapMinAddr, p.MM.THP = m.MaxMapCount, m.MmapMinAddr, m.THP
	}
}
