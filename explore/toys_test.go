package explore

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/machine"
	"github.com/uffdsim/uffdsim/mm"
	"github.com/uffdsim/uffdsim/sim"
)

// toy is the shared memory of a generated program.
type toy struct {
	words [2]sim.Word
	sem   sim.RWSem
	spin  sim.SpinLock
}

var (
	toySem  = &sim.LockClass{Name: "toy_sem", Rank: 1}
	toySpin = &sim.LockClass{Name: "toy_spin", Rank: 2}
)

// toyProgram generates a task's program: loads and stores, with or without a lock. Each
// character is an operation: r and w acquire the semaphore for reading and writing, l the
// spinlock, u releases either; a digit loads a word, a capital stores to one.
func toyProgram(rng *rand.Rand) (program string) {
	access := func() string { return string("01AB"[rng.IntN(4)]) }
	switch rng.IntN(4) {
	case 0:
		return access() + access()
	case 1:
		return "w" + access() + "u"
	case 2:
		return "r" + access() + "u"
	}
	return "l" + access() + "u" + access()
}

func (s *toy) run(t *sim.Task, program string, value uint64) (saw string) {
	var release func(*sim.Task)
	for _, op := range program {
		switch op {
		case 'r':
			s.sem.DownRead(t)
			release = s.sem.UpRead
		case 'w':
			s.sem.DownWrite(t)
			release = s.sem.UpWrite
		case 'l':
			s.spin.Lock(t)
			release = s.spin.Unlock
		case 'u':
			release(t)
		case '0', '1':
			saw += fmt.Sprint(s.words[op-'0'].Load(t), ",")
		default:
			s.words[op-'A'].Store(t, value)
		}
	}
	return saw + "."
}

func toySetup(programs []string) *Setup {
	return &Setup{Name: "toy", Faulters: 1, Tasks: func(w *World) {
		s := &toy{}
		s.sem.Init(toySem)
		s.spin.Init(toySpin)
		sim.LabelIn(w.exec, s, "toy", 0)
		for i, p := range programs {
			w.Go(fmt.Sprintf("p%d", i), func(t *machine.Task) string { return s.run(t.Task, p, uint64(i+1)) })
		}
	}}
}

// The reductions neither lose nor invent outcomes: generated programs of three tasks,
// with words and both kinds of lock, compared with a search of every interleaving.
func TestReductionsOnGeneratedPrograms(t *testing.T) {
	programs := 12
	if testing.Short() {
		programs = 3
	}
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 0x746f79))
		p := []string{toyProgram(rng), toyProgram(rng), toyProgram(rng)}
		for _, tso := range []bool{false, true} {
			if tso && seed%4 != 0 {
				continue // has many more interleavings
			}
			t.Run(fmt.Sprintf("%d tso=%v", seed, tso), func(t *testing.T) {
				t.Parallel()
				outcomes := func(plain bool) map[string]bool {
					r, err := Search(toySetup(p), Options{Plain: plain, TSO: tso})
					require.NoError(t, err)
					require.Nil(t, r.Failure, "%v", p)
					require.True(t, r.Covered)
					set := map[string]bool{}
					for o := range r.Outcomes {
						set[o] = true
					}
					return set
				}
				require.Equal(t, outcomes(true), outcomes(false), "%v, store buffers: %v", p, tso)
			})
		}
	}
}

// On every version the small programs are right in every interleaving. A loop that waits
// for another task is no endless run, because its states repeat.
func TestEveryVersionIsRight(t *testing.T) {
	for _, version := range []string{"4.3", "4.14", "5.7", "6.4", "6.18"} {
		for _, name := range []string{"copy", "close-only", "kill"} {
			setup := FindSetup(name)
			r, err := Search(setup, Options{Version: version})
			require.NoError(t, err)
			require.Nil(t, r.Failure, "%s on %s", name, version)
			require.True(t, r.Covered)
		}
	}
}

// A panic of the program is a failure of that run.
func TestPanicsAreFailures(t *testing.T) {
	setup := &Setup{Name: "panics", Tasks: func(w *World) {
		w.Go("reader", func(t *machine.Task) string {
			addr, _ := readOne(t, w.Fd)
			pages := []string{"first"}
			return pages[(addr-Arena)/mm.PageSize]
		}).Sleeper = true
		w.Go("first", func(t *machine.Task) string { return touch(t, page(0)) }).Sleeper = true
		w.Go("second", func(t *machine.Task) string { return touch(t, page(1)) }).Sleeper = true
	}}
	r, err := Search(setup, Options{})
	require.NoError(t, err)
	require.NotNil(t, r.Failure)
	require.ErrorContains(t, r.Failure.Err, "panic in task reader: runtime error: index out of range [1] with length 1 (toys_test.go:")
	require.Contains(t, r.Failure.Schedule, "second")
}
