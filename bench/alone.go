package bench

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
	"unsafe"

	profiles "github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// lone is a row that is measured on the model only.
type lone struct {
	name, unit string
	sample     func() (float64, error)
}

const (
	bytesVMA     = "memory of a VMA"
	bytesSleeper = "memory of a sleeper, besides its goroutine"
	bytesPage    = "memory of a page, besides its bytes"
	bytesZero    = "memory of a page that is the zero page"
	throughput   = "two processes at once, against one"
	cores        = "two loops at once, against one (the limit)"
)

func alone() []lone {
	return []lone{
		{bytesVMA, "B", vmaBytes}, {bytesSleeper, "B", sleeperBytes},
		{bytesPage, "B", pageBytes}, {bytesZero, "B", zeroBytes},
		{throughput, "x", func() (float64, error) { return speedup(work) }},
		{cores, "x", func() (float64, error) { return speedup(spin) }},
	}
}

// heap returns the size of the live heap, in bytes.
func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // finalizers and pools keep objects for one cycle
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// grown returns by how many bytes the heap grows for each of the n objects that fill
// makes in a world.
func grown(n, vmas int, fill func(w world) error) (float64, error) {
	w, err := newModel(false, vmas)
	if err != nil {
		return 0, err
	}
	defer w.Close()
	before := heap()
	if err := fill(w); err != nil {
		return 0, err
	}
	return (heap() - before) / float64(n), nil
}

func vmaBytes() (float64, error) {
	const n = 100_000
	return grown(n, n, func(w world) error { return scatter(w.Main(), n) })
}

// sleeperBytes returns the heap memory of a sleeping task, without that of a waiting
// goroutine and of the benchmark's own thread. Stacks are not on the heap.
func sleeperBytes() (float64, error) {
	const n = 10_000
	all, err := grown(n, 0, func(w world) error { return asleep(w, n, 0) })
	if err != nil {
		return 0, err
	}
	before, gate := heap(), make(chan struct{})
	var bare sync.WaitGroup
	for range n {
		bare.Go(func() { <-gate })
	}
	goroutine := (heap() - before) / n
	close(gate)
	bare.Wait()
	return all - max(0, goroutine) - float64(unsafe.Sizeof(modelThread{})), nil
}

const manyPages = 8192

func pageBytes() (float64, error) {
	bytes, err := grown(manyPages, 0, func(w world) error {
		if err := mapped(w.Main(), 0, manyPages); err != nil {
			return err
		}
		src := make([]byte, manyPages*pageSize)
		for i := range src {
			src[i] = byte(rand.Uint32())
		}
		c := abi.Copy{Dst: page(0), Src: w.Main().Lend(src), Len: uint64(len(src))}
		if err := w.Main().Copy(&c); err != nil {
			return err
		}
		w.Main().Lend(nil)
		return nil
	})
	return bytes - pageSize, err
}

func zeroBytes() (float64, error) {
	return grown(manyPages, 0, func(w world) error { return zeroed(w.Main(), 0, manyPages) })
}

// zeroed maps pages and fills them with the zero page.
func zeroed(t thread, first, pages int) error {
	if err := mapped(t, first, pages); err != nil {
		return err
	}
	return t.Zeropage(&abi.Zeropage{Range: rangeOf(first, pages)})
}

// speedup returns how much more two processes do in the same time than one. The work must
// take long, because Linux may need some milliseconds to give the second thread a
// processor of its own.
func speedup(do func(n int, start <-chan struct{}) error) (float64, error) {
	timed := func(n int) (time.Duration, error) {
		start, done := make(chan struct{}), make(chan error)
		go func() { done <- do(n, start) }()
		began := time.Now()
		close(start)
		err := <-done
		return time.Since(began), err
	}
	one, err := timed(1)
	if err != nil {
		return 0, err
	}
	two, err := timed(2)
	return 2 * float64(one) / float64(two), err
}

// work runs n processes of a machine, each of which fills pages, touches and drops them.
func work(n int, start <-chan struct{}) error {
	const times, pages = 10_000, 64
	exec := new(sim.Free)
	m := machine.New(exec, profiles.Newest())
	failed := make([]error, n)
	for i := range n {
		w, err := newProcess(m, exec, false)
		if err != nil {
			return err
		}
		w.Go(func(t thread) {
			failed[i] = func() error {
				if err := mapped(t, 0, pages); err != nil {
					return err
				}
				c := abi.Copy{Src: t.Lend(make([]byte, pageSize)), Len: pageSize}
				<-start
				for range times {
					for p := range pages {
						c.Dst = page(p)
						if err := t.Copy(&c); err != nil {
							return err
						}
						t.Touch(page(p))
					}
					if err := t.DontNeed(page(0), pages*pageSize); err != nil {
						return err
					}
				}
				return nil
			}()
		})
	}
	exec.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// spin measures the processors' own limit: each adds up its own bytes, in enough sums at
// a time to keep all its units busy. (A loop that only waits for its own multiplications
// would scale on two threads of one core, too, which no other work does.)
func spin(n int, start <-chan struct{}) error {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			words := make([]uint64, pageSize/8)
			var a, b, c, d uint64
			<-start
			for range 1_000_000 {
				for i := 0; i < len(words); i += 4 {
					a += words[i] ^ a>>3
					b += words[i+1] ^ b>>3
					c += words[i+2] ^ c>>3
					d += words[i+3] ^ d>>3
				}
			}
			runtime.KeepAlive(a + b + c + d)
		})
	}
	all.Wait()
	return nil
}
