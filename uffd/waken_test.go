package uffd_test

import (
	"testing"

	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// FAULT-15 in later kernels: from 4.10 to 5.8 a fault sleeps again after a wake-up that
// was not for it, and keeps its place in the queue.
func TestStrayWakeUpIsSleptOff(t *testing.T) {
	for _, version := range []string{"4.11", "4.14", "4.20", "5.7"} {
		eachIn(t, version, func(k *fixture) {
			k.lay("A")
			f := k.load("f", pg(0))
			k.settle()
			for range 3 {
				k.do(func(t *machine.Task) { k.True(t.WakeUpState(f.task, sim.Normal)) })
				k.Equal("asleep", f.String())
				k.Equal("f /", k.queues('A'))
			}
			k.Equal("p0r", k.read(k.fds['A'], 32), "the only message")
			_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
			k.NoError(err)
			k.Equal("'x'", f.String())
		})
	}
}

// Since 5.9 the fault returns, and because it may be retried any number of times (5.7) it
// queues a new message.
func TestStrayWakeUpIsAnotherFault(t *testing.T) {
	for _, version := range []string{"5.11", "6.18"} {
		eachIn(t, version, func(k *fixture) {
			k.lay("A")
			f := k.load("f", pg(0))
			k.settle()
			k.Equal("p0r", k.read(k.fds['A'], 32))
			k.Equal("/ f", k.queues('A'))
			k.do(func(t *machine.Task) { k.True(t.WakeUpState(f.task, sim.Normal)) })
			k.Equal("asleep", f.String())
			k.Equal("f /", k.queues('A'), "queued anew")
		})
	}
}

// From 4.10 to 5.8, as before, a signal, a wake-up for the fault's page or the close ends
// the sleep.
func TestWhatEndsTheSleep(t *testing.T) {
	for _, version := range []string{"4.11", "5.7"} {
		for how, end := range map[string]func(k *fixture, f *job){
			"killed": func(k *fixture, f *job) { k.signal(f, sim.SignalFatal) },
			"0": func(k *fixture, _ *job) {
				k.do(func(t *machine.Task) { k.NoError(t.Close(k.fds['A'])) })
			},
		} {
			eachIn(t, version, func(k *fixture) {
				k.lay("A")
				f := k.load("f", pg(0))
				k.settle()
				k.do(func(t *machine.Task) { k.True(t.WakeUpState(f.task, sim.Normal)) })
				k.Equal("asleep", f.String())
				end(k, f)
				k.Equal(how, f.String())
			})
		}
	}
}

// A fault whose flags have neither FAULT_FLAG_KILLABLE nor FAULT_FLAG_INTERRUPTIBLE
// sleeps through every signal (5.7).
func TestFaultSleepsThroughAllSignals(t *testing.T) {
	eachIn(t, "6.18", func(k *fixture) {
		k.lay("A")
		f := k.handle("f", 'A', k.vma(0), pg(0), mm.FaultAllowRetry, mm.VMUffdMissing)
		k.settle()
		k.Equal(sim.Uninterruptible, f.task.State())
		k.signal(f, sim.SignalFatal)
		k.Equal("asleep", f.String())
		k.NoError(k.wake(k.fds['A'], 0, 1))
		k.True(f.ended)
	})
}

// get_user_pages requests a sleep that only a fatal signal ends, also in kernels in which
// the sleep of other accesses ends for any signal (5.7). So its fault does not spin while
// an ordinary signal is pending.
func TestGetUserPagesSleepsThroughSignals(t *testing.T) {
	eachIn(t, "6.18", func(k *fixture) {
		k.lay("A")
		g := k.start("g", func(t *machine.Task) string {
			t.Signal(t.Task, sim.SignalOrdinary)
			_, err := t.Process.MM.GetUserPagesUnlocked(t.Task, pg(0), 1, false)
			return result(err)
		})
		k.settle()
		k.Equal("asleep", g.String())
		k.Equal(sim.Killable, g.task.State())
		_, err := k.copyPages(k.fds['A'], 0, 1, 'x', 0)
		k.NoError(err)
		k.Equal("ok", g.String())
	})
}
