package mm

import (
	"fmt"
	"testing"

	"github.com/uffdsim/uffdsim/sim"
)

// crowd returns an address space with n VMAs and a gap of one page between each two.
func crowd(b *testing.B, n int) (*sim.Task, *MM) {
	b.Helper()
	m := New(NewMemory())
	m.MaxMapCount = 4 * n
	t := (&sim.Free{}).Attach("t", &Thread{MM: m})
	for i := range n {
		start := base + uint64(i)*2*PageSize
		m.link(t, &VMA{Start: start, End: start + PageSize, Flags: rw, Pgoff: start >> PageShift, mm: m}, m.highest())
	}
	return t, m
}

var crowds = []int{1_000, 100_000, 1_000_000}

func BenchmarkFindVMA(b *testing.B) {
	for _, n := range crowds {
		b.Run(fmt.Sprintf("VMAs=%d", n), func(b *testing.B) {
			t, m := crowd(b, n)
			m.MmapLock.DownRead(t)
			b.ReportAllocs()
			for i := uint64(0); b.Loop(); i++ {
				m.FindVMA(t, base+i*2654435761%uint64(n)*2*PageSize)
			}
			m.MmapLock.UpRead(t)
		})
	}
}

// BenchmarkMmapMunmap maps and unmaps memory in an address space with many VMAs.
func BenchmarkMmapMunmap(b *testing.B) {
	for _, n := range crowds {
		b.Run(fmt.Sprintf("VMAs=%d", n), func(b *testing.B) {
			t, m := crowd(b, n)
			b.ReportAllocs()
			for b.Loop() {
				addr, err := m.Mmap(t, 0, 4*PageSize, protRW, private, nil, 0)
				if err != nil {
					b.Fatal(err)
				}
				if err := m.Munmap(t, addr, 4*PageSize); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSplitMerge changes the rights of a page inside a VMA and restores them, which
// splits and merges the VMA.
func BenchmarkSplitMerge(b *testing.B) {
	for _, n := range crowds {
		b.Run(fmt.Sprintf("VMAs=%d", n), func(b *testing.B) {
			t, m := crowd(b, n)
			addr, err := m.Mmap(t, 0, 3*PageSize, protRW, private, nil, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				for _, prot := range []Prot{ProtRead, protRW} {
					if err := m.Mprotect(t, addr+PageSize, PageSize, prot); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
