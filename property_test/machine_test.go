package property_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"pgregory.net/rapid"
)

// world is the machine and the oracle side by side.
type world struct {
	t       *rapid.T
	task    *machine.Task
	process *machine.Process
	fds     [3]int // of contexts 1 and 2
	ctxs    [3]*uffd.Ctx
	oracle  oracle
}

func newWorld(t *rapid.T) *world {
	version, ok := abi.Lookup("2015+copy")
	require.True(t, ok)
	var free sim.Free
	p := machine.New(&free, version).NewProcess()
	w := &world{t: t, process: p, task: p.Attach(&free, "main")}
	for i := 1; i <= 2; i++ {
		w.open(i)
	}
	return w
}

func (w *world) open(i int) {
	fd, err := w.task.Userfaultfd(abi.ONonblock)
	require.NoError(w.t, err)
	w.fds[i], w.ctxs[i] = fd, w.process.Ctx(fd)
}

// span draws a range of pages that is not empty.
func (w *world) span() (from, to int) {
	from = rapid.IntRange(0, arenaPages-1).Draw(w.t, "from")
	return from, rapid.IntRange(from+1, arenaPages).Draw(w.t, "to")
}

func (w *world) owner() int { return rapid.IntRange(1, 2).Draw(w.t, "context") }
func (w *world) flag(name string) bool {
	return rapid.Bool().Draw(w.t, name)
}

func prot(write bool) mm.Prot {
	if write {
		return mm.ProtRead | mm.ProtWrite
	}
	return mm.ProtRead
}

func length(from, to int) uint64 { return uint64(to-from) * mm.PageSize }

// oneArea reports whether the machine has the range in one registered area.
func (w *world) oneArea(from, to int) bool {
	for _, m := range w.process.Maps() {
		if m.Start <= address(from) && m.End >= address(to) {
			return m.Ctx != nil
		}
	}
	return false
}

// Whatever is done to memory and registrations, the machine answers as the oracle, has
// the same bytes in the same pages, and its books are in order.
func TestMachineAgreesWithThePageOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { w.t = t; w.compare() },
			"mmap": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				shared, write := rapid.IntRange(0, 5).Draw(t, "shared") == 0, w.flag("write")
				flags := mm.MapAnonymous | mm.MapFixed | mm.MapPrivate
				if shared {
					flags ^= mm.MapPrivate | mm.MapShared
				}
				_, err := w.task.Mmap(address(from), length(from, to), prot(write), flags, -1, 0)
				require.NoError(t, err)
				w.oracle.mmap(from, to, shared, write)
			},
			"munmap": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				require.NoError(t, w.task.Munmap(address(from), length(from, to)))
				w.oracle.munmap(from, to)
			},
			"mprotect": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				write := w.flag("write")
				err := w.task.Mprotect(address(from), length(from, to), prot(write))
				require.Equal(t, w.oracle.mprotect(from, to, write), err)
			},
			"dontneed": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				err := w.task.Madvise(address(from), length(from, to), mm.MadvDontNeed)
				require.Equal(t, w.oracle.dontneed(from, to), err)
			},
			"register": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				owner := w.owner()
				var b [abi.RegisterSize]byte
				(&abi.Register{Range: abi.Range{Start: address(from), Len: length(from, to)}, Mode: abi.RegisterModeMissing}).Encode(b[:])
				err := w.task.IoctlBytes(w.fds[owner], abi.UFFDIO_REGISTER, b[:])
				require.Equal(t, w.oracle.change(from, to, owner), err)
			},
			"unregister": func(t *rapid.T) {
				w.t = t
				from, to := w.span()
				var b [abi.RangeSize]byte
				(&abi.Range{Start: address(from), Len: length(from, to)}).Encode(b[:])
				err := w.task.IoctlBytes(w.fds[w.owner()], abi.UFFDIO_UNREGISTER, b[:])
				require.Equal(t, w.oracle.change(from, to, 0), err)
			},
			"copy": func(t *rapid.T) { w.t = t; w.fill(rapid.Byte().Draw(t, "byte")) },
			"zeropage": func(t *rapid.T) {
				w.t = t
				w.fillZero()
			},
			"load": func(t *rapid.T) {
				w.t = t
				i := rapid.IntRange(0, arenaPages-1).Draw(t, "page")
				if w.oracle.blocks(i) {
					t.Skip("it would block")
				}
				var b [1]byte
				want, outcome := w.oracle.load(i)
				got, _ := w.task.Load(address(i), b[:])
				require.Equal(t, outcome, got)
				require.Equal(t, want, b[0])
			},
			"store": func(t *rapid.T) {
				w.t = t
				i := rapid.IntRange(0, arenaPages-1).Draw(t, "page")
				if w.oracle.blocks(i) && w.oracle[i].write {
					t.Skip("it would block")
				}
				b := rapid.Byte().Draw(t, "byte")
				got, _ := w.task.Store(address(i), []byte{b})
				require.Equal(t, w.oracle.store(i, b), got)
			},
			"close": func(t *rapid.T) {
				w.t = t
				owner := w.owner()
				require.NoError(t, w.task.Close(w.fds[owner]))
				require.True(t, w.ctxs[owner].Freed(), "nobody else held it")
				w.oracle.release(owner)
				w.open(owner)
			},
		})
		w.task.Exit()
		require.Zero(t, w.process.Machine().Memory().InUse(), "pages are left behind")
	})
}

func (w *world) fill(with byte) {
	from, to := w.span()
	page := make([]byte, length(from, to))
	for i := range page {
		page[i] = with
	}
	c := abi.Copy{Dst: address(from), Src: w.task.Lend(1, page), Len: length(from, to)}
	var b [abi.CopySize]byte
	c.Encode(b[:])
	err := w.task.IoctlBytes(w.fds[w.owner()], abi.UFFDIO_COPY, b[:])
	c.Decode(b[:])
	w.filled(from, to, with, c.Copy, err)
}

func (w *world) fillZero() {
	from, to := w.span()
	z := abi.Zeropage{Range: abi.Range{Start: address(from), Len: length(from, to)}}
	var b [abi.ZeropageSize]byte
	z.Encode(b[:])
	err := w.task.IoctlBytes(w.fds[w.owner()], abi.UFFDIO_ZEROPAGE, b[:])
	z.Decode(b[:])
	w.filled(from, to, 0, z.Zeropage, err)
}

// filled holds the answer of COPY or ZEROPAGE against the oracle's (COPY-2 to COPY-7).
func (w *world) filled(from, to int, with byte, out int64, err error) {
	n, want := w.oracle.fill(from, to, with, w.oneArea(from, to))
	require.Equal(w.t, want, err)
	if no, failed := want.(errno.Errno); failed && n == 0 {
		require.EqualValues(w.t, -no, out)
		return
	}
	require.EqualValues(w.t, n*mm.PageSize, out)
}

// compare holds every page of the machine against the oracle's, and checks the
// invariants.
func (w *world) compare() {
	require.NoError(w.t, w.process.CheckInvariants())
	var got oracle
	for _, m := range w.process.Maps() {
		for at := m.Start; at < m.End; at += mm.PageSize {
			p := &got[(at-arena)/mm.PageSize]
			p.mapped, p.shared, p.write = true, m.Kind != "", m.Prot[1] == 'w'
			for i, c := range w.ctxs {
				if c != nil && m.Ctx == c {
					p.owner = i
				}
			}
		}
	}
	for i := range got {
		walk := w.process.PageWalk(address(i))
		last := walk[len(walk)-1]
		got[i].present = last.Level == "pte" && last.Entry != 0
		want := w.oracle[i]
		got[i].byte = want.byte // bytes are compared by load
		if want.shared {
			want.present = got[i].present // DONTNEED leaves the pages with their object
		}
		require.Equal(w.t, want, got[i], "page %d\n machine %v\n oracle  %v", i, &got, &w.oracle)
	}
}
