package sim

import "testing"

func BenchmarkWordLoad(b *testing.B) {
	t := new(Free).Attach("cpu", nil)
	var w Word
	b.ReportAllocs()
	for b.Loop() {
		w.Load(t)
	}
}

func BenchmarkSpinLock(b *testing.B) {
	t := new(Free).Attach("cpu", nil)
	var l SpinLock
	l.Init(&LockClass{Name: "lock"})
	b.ReportAllocs()
	for b.Loop() {
		l.Lock(t)
		l.Unlock(t)
	}
}

// BenchmarkPingPong measures a hand-over between two tasks that sleep and wake each
// other. The channel variant is the lower bound: the same hand-over between two
// goroutines.
func BenchmarkPingPong(b *testing.B) {
	b.Run("park", func(b *testing.B) {
		b.ReportAllocs()
		var f Free
		var turn Word
		var ping, pong *Task
		side := func(mine uint64, other **Task) func(*Task) {
			return func(t *Task) {
				for range b.N {
					sleepUntil(t, func() bool { return turn.Load(t) == mine })
					turn.Store(t, 1-mine)
					t.WakeUpState(*other, Normal)
				}
			}
		}
		start := make(chan struct{})
		ping = f.Go("ping", nil, func(t *Task) { <-start; side(0, &pong)(t) })
		pong = f.Go("pong", nil, func(t *Task) { <-start; side(1, &ping)(t) })
		b.ResetTimer()
		close(start)
		f.Wait()
	})
	b.Run("channel", func(b *testing.B) {
		b.ReportAllocs()
		ping, pong := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(pong)
			for range ping {
				pong <- struct{}{}
			}
		}()
		b.ResetTimer()
		for range b.N {
			ping <- struct{}{}
			<-pong
		}
		b.StopTimer()
		close(ping)
		<-pong
	})
}

// BenchmarkControlledStep measures one visible step in a run of three tasks, with a
// strategy that switches tasks at every step and with the random one.
func BenchmarkControlledStep(b *testing.B) {
	for _, bm := range []struct {
		name     string
		strategy Strategy
	}{
		{"random", NewRandom(1)},
		{"switch", roundRobin{}},
		{"stay", stay{}},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			c := NewControlled(bm.strategy)
			c.MaxSteps = 2*b.N + 10
			var w Word
			for _, name := range []string{"a", "b", "c"} {
				c.Go(name, nil, func(t *Task) {
					for range b.N / 3 {
						w.Load(t)
					}
				})
			}
			b.ResetTimer()
			if err := c.Settle(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(c.Steps())/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// BenchmarkControlledRun measures a short run, including the creation of the executor. An
// explorer makes millions of them.
func BenchmarkControlledRun(b *testing.B) {
	b.ReportAllocs()
	random := NewRandom(1)
	for b.Loop() {
		c := NewControlled(random)
		var w Word
		for _, name := range []string{"a", "b", "c"} {
			c.Go(name, nil, func(t *Task) {
				for range 10 {
					w.Load(t)
				}
			})
		}
		if err := c.Settle(); err != nil {
			b.Fatal(err)
		}
	}
}
