package mm

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/sim"
)

// base is the address of the first column of an address bar; a column is a page.
const base = 0x100000

// pg returns the address of a column.
func pg(n int) uint64 { return base + uint64(n)*PageSize }

// rw and ro are the flags that mmap sets for private anonymous memory.
const (
	mayAll = VMMayRead | VMMayWrite | VMMayExec
	rw     = VMRead | VMWrite | mayAll | VMAccount | VMSoftDirty
	ro     = VMRead | mayAll | VMSoftDirty
)

const (
	protRW  = ProtRead | ProtWrite
	private = MapPrivate | MapAnonymous
	shared  = MapShared | MapAnonymous
	fixed   = private | MapFixed
)

// world is an address space and a task that runs in it.
type world struct {
	testing.TB
	t      *sim.Task
	mm     *MM
	memory *Memory
	names  map[*VMA]byte // letters of the VMAs that lay created
	events *[]sim.Event
}

func newWorld(tb testing.TB) *world {
	w := &world{TB: tb, memory: NewMemory(), names: map[*VMA]byte{}, events: new([]sim.Event)}
	w.mm = New(w.memory)
	exec := &sim.Free{Trace: sim.NewTracer(func(e sim.Event) {
		if strings.HasPrefix(e.Kind, "vma_") {
			*w.events = append(*w.events, e)
		}
	})}
	w.t = exec.Attach("t", &Thread{MM: w.mm})
	return w
}

// locked runs fn with mmap_lock held for writing and checks the invariants after it.
func (w *world) locked(fn func()) {
	w.Helper()
	w.mm.MmapLock.DownWrite(w.t)
	fn()
	require.NoError(w, w.mm.CheckInvariants(w.t))
	w.mm.MmapLock.UpWrite(w.t)
}

func (w *world) check() {
	w.Helper()
	w.locked(func() {})
}

// lay creates a VMA for every run of a letter: "PPPP..NN" are two VMAs. They are
// read-write anonymous memory without an anon_vma.
func (w *world) lay(bar string) map[byte]*VMA {
	w.Helper()
	made := map[byte]*VMA{}
	w.locked(func() {
		for i := 0; i < len(bar); {
			j := i
			for j < len(bar) && bar[j] == bar[i] {
				j++
			}
			if c := bar[i]; c != '.' && c != ' ' {
				vma := &VMA{Start: pg(i), End: pg(j), Flags: rw, Pgoff: pg(i) >> PageShift, mm: w.mm}
				w.mm.insert(w.t, vma, w.mm.highest())
				made[c], w.names[vma] = vma, c
			}
			i = j
		}
	})
	return made
}

// bar returns a picture of the VMAs: with the letters of lay, or 'a', 'b', ... for VMAs
// that lay did not create.
func (w *world) bar() string {
	var out []byte
	other := byte('a')
	for vma := w.mm.first; vma != nil; vma = vma.next {
		c := w.names[vma]
		if c == 0 {
			c = other
			other++
		}
		for len(out) < int((vma.Start-base)>>PageShift) {
			out = append(out, '.')
		}
		for range vma.Pages() {
			out = append(out, c)
		}
	}
	return string(out)
}

// span returns the range that the letters A of a bar cover.
func span(bar string) (start, end uint64) {
	return pg(strings.IndexByte(bar, 'A')), pg(strings.LastIndexByte(bar, 'A') + 1)
}

// maps returns a line for each VMA, with its range in columns: "3-5 rw-p".
func (w *world) maps() []string {
	out := []string{}
	for vma := w.mm.first; vma != nil; vma = vma.next {
		out = append(out, columns(vma.Start, vma.End)+" "+vma.Flags.Prot())
	}
	return out
}

func columns(start, end uint64) string {
	digits := func(addr uint64) string {
		n := (int64(addr) - base) / PageSize
		s := ""
		if n < 0 {
			s, n = "-", -n
		}
		var d []byte
		for ok := true; ok; ok = n > 0 {
			d = append(d, byte('0'+n%10))
			n /= 10
		}
		slices.Reverse(d)
		return s + string(d)
	}
	return digits(start) + "-" + digits(end)
}

// mmap maps the columns [from, to).
func (w *world) mmap(from, to int, prot Prot, flags MapFlags) {
	w.Helper()
	addr, err := w.mm.Mmap(w.t, pg(from), pg(to)-pg(from), prot, flags|MapFixed, nil, 0)
	require.NoError(w, err)
	require.Equal(w, pg(from), addr)
	w.check()
}

func (w *world) at(column int) *VMA {
	vma := w.mm.lookup(pg(column))
	if vma == nil || vma.Start > pg(column) {
		return nil
	}
	return vma
}

func (w *world) store(column int, b byte) {
	w.Helper()
	outcome, _ := w.mm.Store(w.t, pg(column), []byte{b})
	require.Equal(w, Done, outcome)
}

func (w *world) load(column int) byte {
	w.Helper()
	var b [1]byte
	outcome, _ := w.mm.Load(w.t, pg(column), b[:])
	require.Equal(w, Done, outcome)
	return b[0]
}

// failAt makes the n-th allocation at the site fail, from 1.
func (w *world) failAt(site string, n int) {
	w.t.InjectFaults(func(s string) bool {
		if s == site {
			n--
		}
		return s == site && n == 0
	})
}

// bug returns the bug that fn ends with, nil if none.
func (w *world) bug(fn func()) (bug error) {
	defer func() { bug, _ = recover().(error) }()
	fn()
	return nil
}

// noUserfault is a context whose HandleUserfault is never called.
type noUserfault struct{ _ int } // not empty, so that pointers to two of them differ

func (*noUserfault) HandleUserfault(*sim.Task, *Fault, VMFlags) FaultResult {
	return VMFaultSIGBUS
}

func (*noUserfault) DupUserfaultfd(*sim.Task) {}
func (*noUserfault) MremapPrep(*sim.Task)     {}
func (*noUserfault) Remove(*sim.Task)         {}
func (*noUserfault) UnmapPrep(*sim.Task)      {}
