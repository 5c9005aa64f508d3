package mm

import (
	"fmt"

	"github.com/google/btree"
	"github.com/uffdsim/uffdsim/lockorder"
	"github.com/uffdsim/uffdsim/mm/page"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/mm/rule"
	"github.com/uffdsim/uffdsim/sim"
)

// mmapLockClass is the class of [MM.MmapLock].
var mmapLockClass = &sim.LockClass{Name: "mmap_lock", Rank: lockorder.MmapLock}

// The default bounds of an x86-64 address space with four levels of page tables, and the
// default limit on the number of VMAs.
const (
	TaskSize           = 0x7ffffffff000 // end of user addresses
	DefaultMmapBase    = 0x7ffff7fff000 // the address choice of mmap begins below it
	DefaultMmapMinAddr = 0x10000        // lowest address that can be mapped
	DefaultMaxMapCount = 65530          // VMAs
)

// MM is an address space: mm_struct.
type MM struct {
	// MmapLock protects the VMAs; see the package comment.
	MmapLock sim.RWSem
	// TaskSize is the end of user addresses. Immutable after setup.
	TaskSize uint64
	// MmapMinAddr is the lowest address that may be mapped (sysctl vm.mmap_min_addr). It
	// changes only while no task runs.
	MmapMinAddr uint64
	// MmapBase is the address below which mmap chooses addresses. Immutable after setup.
	MmapBase uint64
	// MaxMapCount is the limit on the number of VMAs (sysctl vm.max_map_count). It
	// changes only while no task runs.
	MaxMapCount int
	// Facts are the behaviours in which kernel versions differ. Immutable after setup.
	Facts Facts
	// Dropped are the rules that the kernel code does not follow. Immutable after setup.
	Dropped rule.Set
	// Name identifies the address space in traces. Immutable after setup.
	Name string
	// THP says when anonymous memory gets huge pages. It changes only while no task runs.
	THP THPMode

	vmas  *btree.BTreeG[vmaKey] // by start; protected by MmapLock
	gaps  gapIndex              // gaps between VMAs; protected by MmapLock
	first *VMA                  // the lowest VMA: mm->mmap; protected by MmapLock
	// recent is the VMA that a lookup found last: mmap_cache of kernels before 3.15. It
	// is set with MmapLock held for reading or writing.
	recent   sim.Ref[VMA]
	mapCount int      // number of VMAs; protected by MmapLock
	users    sim.Word // mm_users: at 0 the address space is torn down; atomic
	pins     sim.Word // mm_count: at 0 the structure is freed; atomic
	dead     bool     // set by exit_mmap, when no other task uses the address space

	pageTableLock sim.SpinLock   // protects PGD and PUD tables, and preparing an anon_vma
	pgd           *pgtable.Table // immutable
	memory        *Memory        // immutable
	home          *page.Counter  // counts the frames that the address space allocates; immutable
}

// THPMode is a setting of /sys/kernel/mm/transparent_hugepage/enabled.
type THPMode uint8

// The modes.
const (
	THPMadvise THPMode = iota // only in VMAs with MADV_HUGEPAGE
	THPAlways
	THPNever
)

// Memory is shared by the address spaces of a machine: physical memory and the pool of
// page tables.
type Memory struct {
	page.Memory
	tables pgtable.Pool
	spaces sim.Word // number of address spaces created, for their names; atomic
}

// NewMemory returns a memory in which only the zero page is in use.
func NewMemory() *Memory {
	m := &Memory{}
	m.Memory.Init()
	m.tables.Init(&m.Memory)
	return m
}

// New returns an empty address space with one user reference. Its frames come from
// memory.
func New(memory *Memory) *MM {
	number := memory.spaces.Tick(1)
	mm := &MM{
		Name:        fmt.Sprintf("mm%d", number),
		TaskSize:    TaskSize,
		MmapMinAddr: DefaultMmapMinAddr,
		MmapBase:    DefaultMmapBase,
		MaxMapCount: DefaultMaxMapCount,
		vmas:        newVMATree(),
		memory:      memory,
		home:        memory.Counter(number),
	}
	mm.pgd = memory.tables.New(pgtable.PGD, mm.Name, 0)
	mm.MmapLock.Init(mmapLockClass)
	pgtable.InitLock(&mm.pageTableLock)
	mm.MmapLock.Guards(mm.sumUp)
	mm.MmapLock.Finds(mm.findAnonVMAs)
	mm.users.Init(1)
	mm.pins.Init(1)
	return mm
}

// sumUp adds the state that [MM.MmapLock] protects to an explorer's summary. It is a set,
// because the addresses already determine the order of the VMAs.
func (mm *MM) sumUp(s *sim.Summary) {
	for v := mm.first; v != nil; v = v.next {
		s.AddToSet(v.sumUp)
	}
}

// findAnonVMAs sums up what a fault changes under [MM.MmapLock] held for reading.
func (mm *MM) findAnonVMAs(s *sim.Summary) {
	for v := mm.first; v != nil; v = v.next {
		s.AddToSet(func(s *sim.Summary) { sim.AddFound(s, &v.anon) })
	}
}

// sumUp adds to an explorer's summary the fields of the VMA that change only under
// mmap_lock held for writing. The VMA may be nil.
func (v *VMA) sumUp(s *sim.Summary) {
	s.AddObject(v)
	if v == nil {
		return
	}
	s.AddAddress(v.Start)
	s.AddAddress(v.End)
	s.Add(uint64(v.Flags))
	s.AddAddress(v.Pgoff << PageShift) // in anonymous memory Pgoff derives from an address
	s.AddObject(v.Ops)
	s.AddObject(v.File)
	s.AddObject(v.Policy)
	s.AddObject(v.Userfault)
}

// First returns the lowest VMA, nil if none. [VMA.Next] returns the VMAs after it.
// mmap_lock must be held.
func (mm *MM) First(t *sim.Task) *VMA {
	mm.MmapLock.AssertHeld(t)
	return mm.first
}

// MapCount returns the number of VMAs. mmap_lock must be held.
func (mm *MM) MapCount(t *sim.Task) int {
	mm.MmapLock.AssertHeld(t)
	return mm.mapCount
}

// Get takes a user reference, which keeps the address space from being torn down: mmget.
func (mm *MM) Get(t *sim.Task) { mm.users.Inc(t) }

// Put drops a user reference, and tears the address space down if it was the last: mmput.
// No lock may be held.
func (mm *MM) Put(t *sim.Task) {
	if mm.users.Dec(t) == 0 {
		mm.exitMmap(t)
	}
}

// GetNotZero takes a user reference unless the number of them is 0, and reports whether
// it did: mmget_not_zero.
func (mm *MM) GetNotZero(t *sim.Task) bool { return mm.users.IncNotZero(t) }

// Grab takes a reference that keeps the MM from being freed, but not its memory: mmgrab.
// All user references together hold one such reference.
func (mm *MM) Grab(t *sim.Task) { mm.pins.Inc(t) }

// Drop drops a reference that Grab has taken, and frees the MM if it was the last:
// mmdrop.
func (mm *MM) Drop(t *sim.Task) {
	if mm.pins.Dec(t) == 0 {
		sim.Kfree(t, mm)
	}
}

// Users returns the number of user references, for observers: mm_users.
func (mm *MM) Users() uint64 { return mm.users.Peek() }

// Pins returns the number of references to the structure, for observers: mm_count. All
// user references together count as one.
func (mm *MM) Pins() uint64 { return mm.pins.Peek() }

// Label labels the address space's locks and its top table for a controlled executor, as
// address space n: see [sim.Label]. Fork labels those of a child.
func (mm *MM) Label(c *sim.Controlled, n uint64) {
	sim.LabelIn(c, mm, "mm", n)
	pgtable.LabelIn(c, mm.pgd, mm)
}

// Recycle returns the page tables and frames of the address space to the machine's memory
// without the visible steps of tearing it down. It is for a machine whose run is over, so
// that the next run need not allocate them again. No task may use the address space.
func (mm *MM) Recycle() { mm.memory.tables.Recycle(mm.pgd) }
