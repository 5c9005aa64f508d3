package live

import (
	"fmt"
	"os"
	"slices"
	"unsafe"

	"github.com/uffdsim/uffdsim/scenario"
	"golang.org/x/sys/unix"
)

// Each slot has a page of its own and two panes: memory that stands for a program's own
// buffers. Nothing is mapped behind the second pane, so that an access past its end
// faults.
const (
	pageSize  = 4096
	paneSize  = 2 << 20
	panes     = 2
	slotSize  = pageSize + panes*paneSize + pageSize
	maxSlots  = 14
	stackSize = 16 << 10
)

// arena is all the memory of the harness in a task, at the same addresses as in the
// controller. The slots and the code are shared between all processes. The stacks, on
// which signal handlers run, are private.
type arena struct {
	slots  []byte
	stacks []byte
	code   []byte
	used   [maxSlots]bool
	device bool // every task has a descriptor of /dev/userfaultfd: deviceFD

	begin                  uint64 // where a task begins in the code
	fault, signal, restore uint64 // the handlers in the code
}

func newArena() (*arena, error) {
	a := &arena{}
	var err error
	if a.slots, err = unix.Mmap(-1, 0, maxSlots*slotSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS); err != nil {
		return nil, fmt.Errorf("mmap of the slots: %w", err)
	}
	for i := range maxSlots {
		end := (i + 1) * slotSize
		if err := unix.Mprotect(a.slots[end-pageSize:end], unix.PROT_NONE); err != nil {
			return nil, fmt.Errorf("mprotect behind a slot: %w", err)
		}
	}
	a.stacks, err = unix.Mmap(-1, 0, maxSlots*stackSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, fmt.Errorf("mmap of the stacks: %w", err)
	}
	return a, a.copyCode()
}

// Entry points of the assembly, in the order of [entryPoints].
const (
	entryBegin = iota
	entryFault
	entrySignal
	entryRestore
	codeEntries = 7 // with those that only other entry points jump to
)

// entryPoints writes the addresses of the functions that run in a task.
//
//go:noescape
func entryPoints(to *[codeEntries]uintptr)

// copyCode copies the pages with the instructions of a task. The program's own text would
// be in the way of scenarios: it is mapped at low addresses.
func (a *arena) copyCode() error {
	const longest = 512 // more than the bytes of any of the functions
	var entries [codeEntries]uintptr
	entryPoints(&entries)
	from := slices.Min(entries[:]) &^ (pageSize - 1)
	to := (slices.Max(entries[:]) + longest + pageSize - 1) &^ (pageSize - 1)
	var err error
	a.code, err = unix.Mmap(-1, 0, int(to-from), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return fmt.Errorf("mmap of the code: %w", err)
	}
	text := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), from)), to-from)
	copy(a.code, text)
	if err := unix.Mprotect(a.code, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return fmt.Errorf("mprotect of the code: %w", err)
	}
	moved := func(entry int) uint64 { return uint64(address(a.code) + entries[entry] - from) }
	a.begin, a.fault = moved(entryBegin), moved(entryFault)
	a.signal, a.restore = moved(entrySignal), moved(entryRestore)
	return nil
}

// close unmaps the arena.
func (a *arena) close() {
	for _, b := range a.parts() {
		_ = unix.Munmap(b)
	}
}

func (a *arena) parts() [3][]byte { return [...][]byte{a.slots, a.stacks, a.code} }

// take reserves a slot.
func (a *arena) take() (int, error) {
	for i, used := range a.used {
		if !used {
			a.used[i] = true
			*a.slot(i) = slot{parent: uint32(os.Getpid()), code: a.begin}
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: more than %d tasks", scenario.ErrNoRoom, maxSlots)
}

func (a *arena) slot(i int) *slot { return (*slot)(unsafe.Pointer(&a.slots[i*slotSize])) }

// pane returns the memory of a slot's pane. Pane 0 is the second.
func (a *arena) pane(i, p int) []byte {
	at := i*slotSize + pageSize + (panes-1-p)*paneSize
	return a.slots[at : at+paneSize]
}

// stackTop returns the end of a slot's stack.
func (a *arena) stackTop(i int) uintptr {
	return address(a.stacks) + uintptr(i+1)*stackSize
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// bounds returns where the bytes begin and end.
func bounds(b []byte) (start, end uint64) {
	start = uint64(address(b))
	return start, start + uint64(len(b))
}

// lowest returns the lowest address of the arena.
func (a *arena) lowest() uint64 {
	return uint64(min(address(a.slots), address(a.stacks), address(a.code)))
}

// overlaps reports whether any of [start, end) belongs to the arena.
func (a *arena) overlaps(start, end uint64) bool {
	for _, b := range a.parts() {
		if from, to := bounds(b); start < to && from < end {
			return true
		}
	}
	return false
}

// without returns the parts of [start, end) that do not belong to the arena.
func (a *arena) without(start, end uint64) [][2]uint64 {
	parts := [][2]uint64{{start, end}}
	for _, own := range a.parts() {
		from, to := bounds(own)
		var left [][2]uint64
		for _, p := range parts {
			if lower := [2]uint64{p[0], min(p[1], from)}; lower[0] < lower[1] {
				left = append(left, lower)
			}
			if upper := [2]uint64{max(p[0], to), p[1]}; upper[0] < upper[1] {
				left = append(left, upper)
			}
		}
		parts = left
	}
	return parts
}
