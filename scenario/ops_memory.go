package scenario

import "github.com/uffdsim/uffdsim/mm"

// noFD is the descriptor of a mapping of no file: -1.
const noFD = failed

// The operations on mappings. Their arguments have the order of the system calls.
var memoryOperations = []Operation{
	{
		Name:    "mmap",
		Doc:     "maps memory and returns the address. A new VMA merges with equal neighbours.",
		Example: "mmap(0x100000, 4p, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS) = 0x100000",
		params: []param{{name: "addr", kind: kindAddress}, {name: "len", kind: kindNumber},
			{name: "prot", kind: kindNumber, domain: protections}, {name: "flags", kind: kindNumber, domain: mapFlags},
			{name: "fd", kind: kindFD, optional: true, standard: "-1"},
			{name: "offset", kind: kindNumber, optional: true, standard: "0"}},
		binds: kindAddress,
		run: func(c *call) answer {
			at, err := c.task.Mmap(c.number(0), c.number(1), mm.Prot(c.number(2)), mm.MapFlags(c.number(3)),
				int(int32(c.numberOr(4, noFD))), c.numberOr(5, 0))
			return result(at, err, "%#x")
		},
	},
	{
		Name:    "munmap",
		Doc:     "unmaps a range. Tasks that sleep in a fault there are not woken.",
		Example: "munmap(0x101000, 1p) = 0",
		params:  []param{{name: "addr", kind: kindAddress}, {name: "len", kind: kindNumber}},
		run:     func(c *call) answer { return status(c.task.Munmap(c.number(0), c.number(1))) },
	},
	{
		Name:    "mprotect",
		Doc:     "changes the protection of a range. Registrations stay.",
		Example: "mprotect(0x100000, 1p, PROT_READ) = 0",
		params: []param{{name: "addr", kind: kindAddress}, {name: "len", kind: kindNumber},
			{name: "prot", kind: kindNumber, domain: protections}},
		run: func(c *call) answer {
			return status(c.task.Mprotect(c.number(0), c.number(1), mm.Prot(c.number(2))))
		},
	},
	{
		Name:    "mremap",
		Doc:     "shrinks, grows or moves a mapping and returns its address. Since 5.0 a move ends the registration.",
		Example: "mremap(0x100000, 4p, 4p, MREMAP_MAYMOVE|MREMAP_FIXED, 0x200000) = 0x200000",
		params: []param{{name: "addr", kind: kindAddress}, {name: "old_len", kind: kindNumber}, {name: "new_len", kind: kindNumber},
			{name: "flags", kind: kindNumber, domain: mremapFlags},
			{name: "new_addr", kind: kindAddress, optional: true, standard: "0"}},
		binds: kindAddress,
		run: func(c *call) answer {
			at, err := c.task.Mremap(c.number(0), c.number(1), c.number(2), mm.MremapFlags(c.number(3)), c.numberOr(4, 0))
			return result(at, err, "%#x")
		},
	},
	{
		Name:    "madvise",
		Doc:     "gives advice about a range. MADV_DONTNEED drops its pages, so that the next touch faults again; MADV_POPULATE_READ and MADV_POPULATE_WRITE fault them in.",
		Example: "madvise(0x101000, 1p, MADV_DONTNEED) = 0",
		params: []param{{name: "addr", kind: kindAddress}, {name: "len", kind: kindNumber},
			{name: "advice", kind: kindNumber, domain: advices}},
		run: func(c *call) answer {
			return status(c.task.Madvise(c.number(0), c.number(1), mm.Advice(c.number(2))))
		},
	},
}
