package bench

import (
	"time"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// A program prepares a world for a size, and returns what takes a sample: it does its work a number of times
// and returns the nanoseconds that one took.
type program func(w world, n int) (sample func() (float64, error), err error)

// each is the time that each of n took.
func each(began time.Time, n int) float64 {
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}

// repeated is the time of one of n, after some more that nobody times: what the other side has driven out of
// the processor's caches is back by then.
func repeated(n int, do func() error) (float64, error) {
	for range n / 5 {
		if err := do(); err != nil {
			return 0, err
		}
	}
	began := time.Now()
	for range n {
		if err := do(); err != nil {
			return 0, err
		}
	}
	return each(began, n), nil
}

// faults is the round trip of a fault, on page after page: touch, read, copy, woken and done.
func faults(poll bool) program {
	const pages = 512
	return func(w world, _ int) (func() (float64, error), error) {
		bytes := make([]byte, pageSize)
		return func() (took float64, err error) {
			ready, failed := make(chan struct{}), make(chan error, 1)
			w.Go(func(t thread) {
				close(ready)
				err := serve(t, pages, poll, bytes)
				if err != nil { // nobody is to sleep for ever
					_ = t.Unregister(rangeOf(0, pages))
				}
				failed <- err
			})
			w.Go(func(t thread) {
				<-ready
				began := time.Now()
				for i := range pages {
					t.Touch(page(i))
				}
				took = each(began, pages)
			})
			w.Wait()
			if err := <-failed; err != nil {
				return 0, err
			}
			return took, w.Main().DontNeed(page(0), pages*pageSize)
		}, mapped(w.Main(), 0, pages)
	}
}

// serve is a monitor: it reads n faults, having polled for each or not, and brings the pages.
func serve(t thread, n int, poll bool, bytes []byte) error {
	c := abi.Copy{Src: t.Lend(bytes), Len: pageSize}
	for served := 0; served < n; {
		if poll {
			if err := t.PollIn(); err != nil {
				return err
			}
		}
		msg, err := t.ReadMsg()
		if err == errno.EAGAIN {
			continue // a signal has taken the fault back, as those of Go's scheduler do
		} else if err != nil {
			return err
		}
		c.Dst = faultedAt(msg)
		if came, err := bring(t, &c); err != nil {
			return err
		} else if came {
			served++
		}
	}
	return nil
}

// faultedAt is the page that a message is about.
func faultedAt(msg abi.Msg) uint64 { return msg.Address &^ (pageSize - 1) }

// bring copies a page, and reports whether it was missing. Of a fault that a signal has interrupted there may
// be a second message, read when the page has just come.
func bring(t thread, c *abi.Copy) (bool, error) {
	err := t.Copy(c)
	if err == errno.EEXIST {
		return false, nil
	}
	return err == nil, err
}

// pair registers and unregisters the middle page of a VMA of three, among n VMAs: it splits twice, and
// merges twice.
func pair(w world, n int) (func() (float64, error), error) {
	t := w.Main()
	if err := scatter(t, n); err != nil {
		return nil, err
	}
	if _, err := t.Map(page(2*n+1), 3*pageSize); err != nil {
		return nil, err
	}
	middle := rangeOf(2*n+2, 1)
	reg := missing(middle)
	return func() (float64, error) {
		return repeated(500, func() error {
			if err := t.Register(reg); err != nil {
				return err
			}
			return t.Unregister(middle)
		})
	}, nil
}

// bulk unregisters a range of n registered VMAs. The time is that of one.
func bulk(w world, n int) (func() (float64, error), error) {
	t := w.Main()
	if err := scatter(t, n); err != nil {
		return nil, err
	}
	all := rangeOf(0, 2*n)
	reg := missing(all)
	return func() (float64, error) {
		if err := t.Register(reg); err != nil {
			return 0, err
		}
		began := time.Now()
		err := t.Unregister(all)
		return each(began, n), err
	}, nil
}

// asleep lets n threads fault, each on a page of its own from page 0 on, and waits until they sleep: it reads
// their messages. extra more pages are registered.
func asleep(w world, n, extra int) error { return asleepFrom(w, 0, n, extra) }

// asleepFrom is asleep with another first page.
func asleepFrom(w world, first, n, extra int) error {
	if err := mapped(w.Main(), first, n+extra); err != nil {
		return err
	}
	heard := make(map[uint64]bool, n) // once, whatever signals do
	for i := range n {
		w.Go(func(t thread) { t.Block(page(first + i)) })
		if i%64 != 63 && i != n-1 { // so that no more than these are on their way
			continue
		}
		for len(heard) <= i {
			msg, err := w.Main().ReadMsg()
			if err != nil {
				return err
			}
			heard[faultedAt(msg)] = true
		}
	}
	return nil
}

// wakeNobody wakes a range that none of n sleepers has faulted on.
func wakeNobody(w world, n int) (func() (float64, error), error) {
	t := w.Main()
	if err := asleep(w, n, 1); err != nil {
		return nil, err
	}
	other := rangeOf(n, 1)
	return func() (float64, error) {
		return repeated(200, func() error { return t.Wake(other) })
	}, nil
}

// copyOne brings the page that one of n sleepers waits for. It faults again and again; the time is that of
// the copies alone.
func copyOne(w world, n int) (func() (float64, error), error) {
	const times = 100
	main, bytes := w.Main(), make([]byte, pageSize)
	if err := asleep(w, n-1, 1); err != nil {
		return nil, err
	}
	at := page(n - 1)
	c := abi.Copy{Dst: at, Src: main.Lend(bytes), Len: pageSize}
	return func() (float64, error) {
		ended := make(chan error, 1)
		w.Go(func(t thread) {
			for range times {
				t.Block(at)
				if err := t.DontNeed(at, pageSize); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		})
		var took time.Duration
		for brought := 0; brought < times; {
			msg, err := main.ReadMsg()
			if err != nil {
				return 0, err
			}
			if faultedAt(msg) != at { // a sleeper's second message
				continue
			}
			began := time.Now()
			came, err := bring(main, &c)
			if err != nil {
				return 0, err
			}
			if came {
				took += time.Since(began)
				brought++
			}
		}
		return float64(took.Nanoseconds()) / times, <-ended
	}, nil
}

// mapUnmap maps a page anywhere among n VMAs, and unmaps it.
func mapUnmap(w world, n int) (func() (float64, error), error) {
	t := w.Main()
	if err := scatter(t, n); err != nil {
		return nil, err
	}
	return func() (float64, error) {
		return repeated(500, func() error {
			at, err := t.Map(0, pageSize)
			if err != nil {
				return err
			}
			return t.Unmap(at, pageSize)
		})
	}, nil
}

// pingPong is the limit of what two goroutines can do: a word to and fro on buffered channels. It needs no
// world.
func pingPong() (float64, error) {
	const times = 2000
	to, fro := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for range times {
			<-to
			fro <- struct{}{}
		}
	}()
	began := time.Now()
	for range times {
		to <- struct{}{}
		<-fro
	}
	return each(began, times), nil
}
