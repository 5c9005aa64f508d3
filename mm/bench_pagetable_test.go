package mm

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/mm/pgtable"
	"github.com/uffdsim/uffdsim/sim"
)

// benchWorld maps n pages at base, for a task without a tracer.
func benchWorld(b *testing.B, n uint64) (*MM, *sim.Task) {
	mm := New(NewMemory())
	mm.THP = THPNever
	t := (&sim.Free{}).Attach("b", &Thread{MM: mm})
	_, err := mm.Mmap(t, base, n*PageSize, protRW, fixed, nil, 0)
	require.NoError(b, err)
	b.ReportAllocs()
	return mm, t
}

// A load of a present page walks four levels, takes no kernel lock and does not allocate.
func BenchmarkTranslate(b *testing.B) {
	mm, t := benchWorld(b, 1)
	var buf [8]byte
	mm.Store(t, base, buf[:])
	for b.Loop() {
		if !mm.translate(t, base, buf[:], false) {
			b.Fatal("not present")
		}
	}
}

func TestTranslateAllocatesNothing(t *testing.T) {
	w := newWorld(t)
	w.mapped(1, protRW, nil)
	w.store(0, 1)
	buf := make([]byte, 8)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		w.mm.translate(w.t, pg(0), buf, false)
		w.mm.translate(w.t, pg(0), buf, true)
	}))
}

// A write fault on an untouched anonymous page, whose table exists. It allocates the
// frame and its 4 KiB, until it can reuse freed frames.
func BenchmarkPopulate(b *testing.B) {
	for _, write := range []bool{true, false} {
		b.Run(map[bool]string{true: "write", false: "read"}[write], func(b *testing.B) {
			mm, t := benchWorld(b, pgtable.Entries)
			mm.DoPageFault(t, base, write, true)
			i := uint64(1)
			for b.Loop() {
				if i == pgtable.Entries {
					b.StopTimer()
					mm.zapPageRange(t, base, base+pgtable.Entries*PageSize)
					b.StartTimer()
					i = 0
				}
				mm.DoPageFault(t, base+i*PageSize, write, true)
				i++
			}
		})
	}
}

// The same without frames to reuse: every frame is allocated.
func BenchmarkPopulateFresh(b *testing.B) {
	mm, t := benchWorld(b, 1<<30)
	addr := uint64(base)
	for b.Loop() {
		mm.DoPageFault(t, addr, true, true)
		addr += PageSize
		if addr == base+1<<16*PageSize { // keep at most 256 MiB allocated
			b.StopTimer()
			mm, t = benchWorld(b, 1<<30)
			addr = base
			b.StartTimer()
		}
	}
}

func BenchmarkMcopyAtomic(b *testing.B) {
	mm, t := benchWorld(b, pgtable.Entries)
	mm.first.Userfault, mm.first.Flags = &noUserfault{}, mm.first.Flags|VMUffdMissing
	src := Current(t).Lend(0, make([]byte, PageSize))
	b.SetBytes(PageSize)
	i := uint64(0)
	for b.Loop() {
		if i == pgtable.Entries {
			b.StopTimer()
			mm.zapPageRange(t, base, base+pgtable.Entries*PageSize)
			b.StartTimer()
			i = 0
		}
		if _, err := mm.McopyAtomic(t, base+i*PageSize, src, PageSize); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkZap512(b *testing.B) {
	mm, t := benchWorld(b, pgtable.Entries)
	for b.Loop() {
		b.StopTimer()
		for i := range uint64(pgtable.Entries) {
			mm.DoPageFault(t, base+i*PageSize, true, true)
		}
		b.StartTimer()
		mm.zapPageRange(t, base, base+pgtable.Entries*PageSize)
	}
}

// MADV_DONTNEED of 2^47 bytes with one page present.
func BenchmarkZapEmpty(b *testing.B) {
	mm, t := benchWorld(b, 1<<35-1<<10)
	for b.Loop() {
		mm.DoPageFault(t, 1<<46, true, true)
		mm.zapPageRange(t, base, TaskSize)
	}
}
