package bench

import (
	"fmt"
	"io"
	"runtime"
	"time"
)

// Load is the number of objects that [Scale] makes.
type Load struct{ VMAs, Sleepers, Pages int }

// FullLoad is the load for which 8 GiB of memory suffice.
var FullLoad = Load{VMAs: 1_000_000, Sleepers: 100_000, Pages: 10_000_000}

// Step is the result of a step of [Scale].
type Step struct {
	What string        `json:"what"`
	N    int           `json:"n"`
	Took time.Duration `json:"took_ns"`
	// Memory is the memory that the program has from the system after the step, in bytes.
	Memory uint64 `json:"memory"`
}

// Scale puts a load on one process of the model, and removes it again: VMAs of a page,
// with holes between them; pages in a range of their own, all of them the zero page;
// tasks that each sleep in a fault. All exist at the same time.
func Scale(load Load) ([]Step, error) {
	w, err := newModel(false, load.VMAs)
	if err != nil {
		return nil, err
	}
	t := w.Main()
	var steps []Step
	step := func(what string, n int, do func() error) error {
		began := time.Now()
		err := do()
		took := time.Since(began)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		steps = append(steps, Step{what, n, took, m.Sys - m.HeapReleased})
		return err
	}
	first := 2 * load.VMAs // the first page behind the VMAs
	all := rangeOf(0, first+load.Pages+load.Sleepers)
	err = step("VMAs mapped", load.VMAs, func() error { return scatter(t, load.VMAs) })
	if err == nil {
		err = step("pages of zeroes brought", load.Pages, func() error { return zeroed(t, first, load.Pages) })
	}
	if err == nil {
		err = step("tasks put to sleep", load.Sleepers, func() error { return asleepFrom(w, first+load.Pages, load.Sleepers, 0) })
	}
	if err == nil {
		err = step("tasks woken by one ioctl", load.Sleepers, func() error {
			if err := t.Unregister(all); err != nil {
				return err
			}
			w.Wait()
			return nil
		})
	}
	if err == nil {
		err = step("VMAs and pages unmapped", load.VMAs+load.Pages, func() error { return t.Unmap(all.Start, all.Len) })
	}
	w.Close()
	return steps, err
}

// WriteSteps prints the steps of [Scale].
func WriteSteps(w io.Writer, steps []Step) {
	for _, s := range steps {
		fmt.Fprintf(w, "%12s %-26s %10s %8s each %10.2f GiB\n", thousands(s.N), s.What, s.Took.Round(time.Millisecond),
			quantity(float64(s.Took.Nanoseconds())/float64(s.N), "ns"), float64(s.Memory)/(1<<30))
	}
}
