package uffd_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// Measures a fault's round trip: touch, read, copy, wake, done. The monitor sleeps in
// read.
func BenchmarkFaultRoundTrip(b *testing.B) {
	s := newThrong(b, 1)
	s.p.Go("monitor", func(t *machine.Task) {
		c := abi.Copy{Dst: arena, Src: t.Lend(1, make([]byte, page)), Len: page}
		for {
			if _, err := t.UffdReadMsg(s.fd); err != nil {
				return
			}
			if t.UffdCopy(s.fd, &c) != nil {
				return // closed
			}
		}
	}, nil)
	s.p.Go("faulter", func(t *machine.Task) {
		buf := make([]byte, 1)
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if outcome, _ := t.Load(arena, buf); outcome != mm.Done {
				panic(outcome)
			}
			if err := t.Madvise(arena, page, mm.MadvDontNeed); err != nil {
				panic(err)
			}
		}
		b.StopTimer()
		_ = t.Close(s.fd) // the reader still holds the file: one more fault ends its read
		t.Load(arena, buf)
	}, nil)
	s.exec.Wait()
}

// Measures register and unregister of one page in an address space with many VMAs.
func BenchmarkRegisterUnregister(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("vmas=%d", n), func(b *testing.B) {
			s := scattered(b, n)
			// The page is in a VMA of three pages, so that both a split and a merge are
			// timed.
			at := pg(2*n + 1)
			_, err := s.main.Mmap(at, 3*page, rw, fixed, -1, 0)
			s.NoError(err)
			reg := abi.Register{Range: abi.Range{Start: at + page, Len: page}, Mode: abi.RegisterModeMissing}
			b.ReportAllocs()
			for b.Loop() {
				if s.main.UffdRegister(s.fd, &reg) != nil || s.main.UffdUnregister(s.fd, reg.Range) != nil {
					b.Fatal("failed")
				}
			}
		})
	}
}

// scattered maps n pages with holes between them.
func scattered(b *testing.B, n int) *throng {
	s := newThrong(b, 1)
	s.p.MM.MaxMapCount = 1 << 30
	for i := range n {
		if _, err := s.main.Mmap(pg(2*i), page, rw, fixed, -1, 0); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// Measures register and unregister of a range of many VMAs.
func BenchmarkUnregisterRange(b *testing.B) {
	const n = 100_000
	s := scattered(b, n)
	arg := missing(0, 2*n)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		if err := s.main.UffdRegister(s.fd, &arg); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := s.main.UffdUnregister(s.fd, arg.Range); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/VMA")
}

// Measures a wake of one fault among many, whose task then faults again, and a wake that
// matches no fault.
func BenchmarkWake(b *testing.B) {
	for _, n := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("one-of-%d", n), func(b *testing.B) {
			s := waiters(b, n)
			// The task touches the first page in a loop. No page is ever installed there,
			// so each access ends with SIGBUS.
			var stop atomic.Bool
			s.p.Go("f", func(t *machine.Task) {
				for !stop.Load() {
					t.Load(pg(n), make([]byte, 1))
				}
			}, nil)
			r := pages(n, 1)
			s.NoError(s.exec.Settle())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := s.main.UffdWake(s.fd, r); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				_ = s.exec.Settle()
				b.StartTimer()
			}
			stop.Store(true)
			s.NoError(s.main.Close(s.fd))
			s.exec.Wait()
		})
		b.Run(fmt.Sprintf("nobody-of-%d", n), func(b *testing.B) {
			s := waiters(b, n)
			r := pages(n, 1)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.main.UffdWake(s.fd, r); err != nil {
					b.Fatal(err)
				}
			}
			s.NoError(s.main.Close(s.fd))
			s.exec.Wait()
		})
	}
}

// waiters starts n tasks that sleep in faults, each on its own page, and registers one
// more page.
func waiters(b *testing.B, n int) *throng {
	s := newThrong(b, uint64(n)+1)
	for i := range n {
		s.p.Go("f", func(t *machine.Task) { t.Load(pg(i), make([]byte, 1)) }, nil)
	}
	s.NoError(s.exec.Settle())
	return s
}
