package bench

import (
	"time"

	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/uffd/abi"
)

// A program prepares a world for a size, and returns a function that takes a sample: it
// does its work a number of times and returns the nanoseconds for each time.
type program func(w world, n int) (sample func() (float64, error), err error)

// each returns the nanoseconds since a time for each of n operations.
func each(began time.Time, n int) float64 {
	return float64(time.Since(began).Nanoseconds()) / float64(n)
}

// repeated returns the nanoseconds for each of n calls. Some calls before them are not
// timed: they refill the processor's caches, which the other side has used.
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

// faults measures the round trip of a fault, on page after page: touch, read, copy,
// wake-up.
func faults(poll bool) program {
	const pages = 512
	return func(w world, _ int) (func() (float64, error), error) {
		bytes := make([]byte, pageSize)
		return func() (took float64, err error) {
			ready, failed := make(chan struct{}), make(chan error, 1)
			w.Go(func(t thread) {
				close(ready)
				err := serve(t, pages, poll, bytes)
				if err != nil { // wakes the thread that would sleep forever
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

// serve is a monitor: it reads n faults, polls before each read or not, and fills the
// pages.
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
			continue // a signal, such as those of Go's scheduler, has ended the fault
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

// faultedAt returns the page of a message.
func faultedAt(msg abi.Msg) uint64 { return msg.Address &^ (pageSize - 1) }

// bring copies a page, and reports whether it was missing. A fault that a signal
// interrupted may have a second message, which is read after the page was filled.
func bring(t thread, c *abi.Copy) (bool, error) {
	err := t.Copy(c)
	if err == errno.EEXIST {
		return false, nil
	}
	return err == nil, err
}

// pair registers and unregisters the middle page of a VMA of three pages, among n VMAs:
// two splits and two merges.
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

// bulk unregisters a range of n registered VMAs, and measures the time for each.
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

// asleep starts n threads that fault, each on its own page from page 0 on, and reads
// their messages, so that they sleep. It registers extra more pages.
func asleep(w world, n, extra int) error { return asleepFrom(w, 0, n, extra) }

// asleepFrom is asleep with a first page.
func asleepFrom(w world, first, n, extra int) error {
	if err := mapped(w.Main(), first, n+extra); err != nil {
		return err
	}
	heard := make(map[uint64]bool, n) // signals may repeat a message
	for i := range n {
		w.Go(func(t thread) { t.Block(page(first + i)) })
		if i%64 != 63 && i != n-1 { // at most 64 unread messages
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

// wakeNobody wakes a range on which none of n sleepers has faulted.
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

// copyOne fills the page of one of n sleepers, which faults again and again. It measures
// only the copies.
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

// mapUnmap maps a page among n VMAs, at an address of the kernel's choice, and unmaps it.
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

// pingPong measures the limit for two goroutines: a value sent back and forth on buffered
// channels. It needs no world.
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
