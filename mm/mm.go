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

// MmapLockClass is the class of [MM.MmapLock].
var MmapLockClass = &sim.LockClass{Name: "mmap_lock", Rank: lockorder.MmapLock}

// The address space of x86-64 with four levels of page tables, in bytes, and the
// default limits.
const (
	TaskSize           = 0x7ffffffff000
	DefaultMmapBase    = 0x7ffff7fff000
	DefaultMmapMinAddr = 0x10000
	DefaultMaxMapCount = 65530
)

// MM is an address space: mm_struct.
type MM struct {
	// MmapLock guards the VMAs; see the package comment.
	MmapLock sim.RWSem
	// TaskSize is the end of user addresses. Immutable.
	TaskSize uint64
	// MmapMinAddr is the lowest address that may be mapped (a sysctl).
	MmapMinAddr uint64
	// MmapBase is where the top-down search for free room begins. Immutable.
	MmapBase uint64
	// MaxMapCount is the limit on the number of VMAs (a sysctl).
	MaxMapCount int
	// Facts are how it behaves where kernels differ. Immutable.
	Facts Facts
	// Dropped are rules that are not kept. Immutable.
	Dropped rule.Set
	// Name says in traces which address space it is. Immutable.
	Name string
	// THP says when anonymous memory gets huge pages (a sysctl).
	THP THPMode

	vmas     *btree.BTreeG[vmaKey] // guarded by MmapLock
	gaps     gapIndex              // free room between VMAs; guarded by MmapLock
	first    *VMA                  // lowest VMA (the kernel's mm->mmap); guarded by MmapLock
	recent   sim.Ref[VMA]          // that a lookup has found last; set with MmapLock held in any way (mmap_cache, until 3.15)
	mapCount int                   // guarded by MmapLock
	users    sim.Word              // mm_users: the address space is torn down at zero
	pins     sim.Word              // mm_count, but for the one of the users: the structure stays until zero
	dead     bool                  // set when it has been

	pageTableLock sim.SpinLock   // guards anon_vma preparation and the upper levels
	pgd           *pgtable.Table // immutable
	memory        *Memory        // immutable
	home          *page.Counter  // that the memory counts its frames in; immutable
}

// THPMode is transparent_hugepage/enabled.
type THPMode uint8

// The modes.
const (
	THPMadvise THPMode = iota // only where MADV_HUGEPAGE asks for it
	THPAlways
	THPNever
)

// Memory is what the address spaces of a machine share: physical memory, and free page
// tables.
type Memory struct {
	page.Memory
	tables pgtable.Pool
	spaces sim.Word // address spaces made so far, to name them in traces
}

// NewMemory returns a memory in which nothing but the zero page is in use.
func NewMemory() *Memory {
	m := &Memory{}
	m.Memory.Init()
	m.tables.Init(&m.Memory)
	return m
}

// New returns an empty address space with one user, whose frames come from memory.
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
	mm.MmapLock.Init(MmapLockClass)
	pgtable.InitLock(&mm.pageTableLock)
	mm.MmapLock.Guards(mm.sumUp)
	mm.users.Init(1)
	mm.pins.Init(1)
	return mm
}

// sumUp sums up the VMAs: what [MM.MmapLock] guards. Their order is that of their
// addresses.
func (mm *MM) sumUp(s *sim.Summary) {
	for v := mm.first; v != nil; v = v.next {
		s.AddToSet(v.sumUp)
	}
}

func (v *VMA) sumUp(s *sim.Summary) {
	v.sumUpFields(s)
	s.AddObject(v.anon.Peek())
}

// sumUpFields sums up all of the VMA (nil for none) that nobody changes without mmap_lock for writing.
func (v *VMA) sumUpFields(s *sim.Summary) {
	s.AddObject(v)
	if v == nil {
		return
	}
	s.AddAddress(v.Start)
	s.AddAddress(v.End)
	s.Add(uint64(v.Flags))
	s.AddAddress(v.Pgoff << PageShift) // of anonymous memory it follows from an address
	s.AddObject(v.Ops)
	s.AddObject(v.File)
	s.AddObject(v.Policy)
	s.AddObject(v.Userfault)
}

// First is the lowest VMA, nil if there is none; [VMA.Next] goes on from it.
// mmap_lock must be held.
func (mm *MM) First(t *sim.Task) *VMA {
	mm.MmapLock.AssertHeld(t)
	return mm.first
}

// MapCount is the number of VMAs. mmap_lock must be held.
func (mm *MM) MapCount(t *sim.Task) int {
	mm.MmapLock.AssertHeld(t)
	return mm.mapCount
}

// Get takes a user reference, which keeps the memory and its page tables alive:
// mmget.
func (mm *MM) Get(t *sim.Task) { mm.users.Inc(t) }

// Put drops a user reference; the last one tears the address space down: mmput.
func (mm *MM) Put(t *sim.Task) {
	if mm.users.Dec(t) == 0 {
		mm.exitMmap(t)
	}
}

// GetNotZero takes a user reference if there are any left, and reports whether it did:
// mmget_not_zero.
func (mm *MM) GetNotZero(t *sim.Task) bool { return mm.users.IncNotZero(t) }

// Grab keeps the structure, and not the memory: mmgrab. The users together have one such
// reference.
func (mm *MM) Grab(t *sim.Task) { mm.pins.Inc(t) }

// Drop gives up what Grab has taken: mmdrop.
func (mm *MM) Drop(t *sim.Task) {
	if mm.pins.Dec(t) == 0 {
		sim.Kfree(t, mm)
	}
}

// Users is the number of user references, for observers.
func (mm *MM) Users() uint64 { return mm.users.Peek() }

// Pins returns the number of references on the structure, the one of all users included, for
// observers.
func (mm *MM) Pins() uint64 { return mm.pins.Peek() }

// Label names the address space's locks and its top table for a controlled executor:
// see [sim.Label].
func (mm *MM) Label(c *sim.Controlled, n uint64) {
	sim.LabelIn(c, mm, "mm", n)
	mm.pgd.LabelIn(c, n)
}

// Recycle gives the page tables and frames of the address space back to the machine's
// memory without the steps of tearing it down. It is for the memory of machines whose run
// is over, so that the next one need not allocate it again: no task may exist that uses the
// address space.
func (mm *MM) Recycle() { mm.memory.tables.Recycle(mm.pgd) }
