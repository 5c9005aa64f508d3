package sim

import "testing"

// BenchmarkShortSchedules measures an explorer's inner loop: a run of 40 steps by three
// tasks, again and again.
func BenchmarkShortSchedules(b *testing.B) {
	var coroutines Coroutines
	defer coroutines.Close()
	var words [3]Word
	strategy := NewRandom(1)
	body := func(t *Task) {
		for i := range 12 {
			words[i%3].Store(t, uint64(i))
		}
	}
	steps := 0
	b.ReportAllocs()
	for b.Loop() {
		c := NewControlled(strategy)
		c.Coroutines = &coroutines
		for range 3 {
			c.Go("task", nil, body)
		}
		if err := c.Settle(); err != nil {
			b.Fatal(err)
		}
		steps += c.Steps()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "schedules/s")
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}
