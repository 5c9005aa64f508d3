package explore_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/sim"
)

// printOutcomes explores a program, and prints its outcomes, or the first failure.
func printOutcomes(program explore.Program, opts explore.Options) {
	r, err := explore.Search(program, opts)
	switch {
	case err != nil:
		fmt.Println(err)
	case r.Failure != nil:
		fmt.Println(r.Failure.Err)
	default:
		for _, outcome := range slices.Sorted(maps.Keys(r.Outcomes)) {
			fmt.Println(outcome)
		}
		fmt.Println("covered:", r.Covered)
	}
}

// Peterson's lock keeps two tasks apart if memory is sequentially consistent. On a
// processor with store buffers, such as x86, it does not: each task can read the other's
// flag before its own store is in memory.
func ExampleStandalone() {
	peterson := &explore.Standalone{Name: "peterson", Tasks: func(r *explore.Run) {
		lock := &struct {
			wants        [2]sim.Word
			turn, inside sim.Word
		}{}
		explore.Label(r, lock, "lock", 0)
		for i := range 2 {
			r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string {
				lock.wants[i].Store(t, 1)
				lock.turn.Store(t, uint64(1-i))
				for lock.wants[1-i].Load(t) == 1 && lock.turn.Load(t) == uint64(1-i) {
					r.At(t, "spins")
				}
				alone := lock.inside.Load(t) == 0
				lock.inside.Store(t, 1)
				lock.inside.Store(t, 0)
				lock.wants[i].Store(t, 0)
				return map[bool]string{true: "alone", false: "together"}[alone]
			})
		}
	}}
	printOutcomes(peterson, explore.Options{})
	printOutcomes(peterson, explore.Options{TSO: true})
	// Output:
	// t1=alone t2=alone
	// covered: true
	// t1=alone t2=alone
	// t1=alone t2=together
	// t1=together t2=alone
	// covered: true
}

// A choice stands for an event of the environment: here the network, which may lose a
// message or deliver it twice.
func ExampleStandalone_choose() {
	printOutcomes(&explore.Standalone{Name: "network", Tasks: func(r *explore.Run) {
		s := &struct{ balance sim.Word }{}
		explore.Label(r, s, "account", 0)
		r.Go("transfer", func(t *sim.Task) string {
			copies := t.Choose(3) // lost, delivered, delivered twice
			for range copies {
				s.balance.Store(t, s.balance.Load(t)+10)
			}
			return fmt.Sprint(s.balance.Load(t))
		})
	}}, explore.Options{})
	// Output:
	// transfer=0
	// transfer=10
	// transfer=20
	// covered: true
}

// An invariant is checked in every state. This one reads two words, and says so: the
// search then keeps every order of the writes of these.
func ExampleRun_Invariant() {
	printOutcomes(&explore.Standalone{Name: "transfer", Tasks: func(r *explore.Run) {
		s := &struct{ a, b sim.Word }{}
		s.a.Init(10)
		explore.Label(r, s, "accounts", 0)
		r.Go("t1", func(t *sim.Task) string {
			s.a.Store(t, 7)
			s.b.Store(t, 3) // between the two stores the sum is 7
			return ""
		})
		r.Invariant(func() error {
			if sum := r.Value(&s.a) + r.Value(&s.b); sum != 10 {
				return errors.New("the sum is " + fmt.Sprint(sum))
			}
			return nil
		}, &s.a, &s.b)
	}}, explore.Options{})
	// Output: the sum is 7
}

// A task starts a task for each request.
func ExampleRun_Start() {
	printOutcomes(&explore.Standalone{Name: "server", Tasks: func(r *explore.Run) {
		s := &struct{ served sim.Word }{}
		explore.Label(r, s, "server", 0)
		r.Go("server", func(t *sim.Task) string {
			for i := range 2 {
				r.Start(t, fmt.Sprint("handler", i+1), func(t *sim.Task) string {
					before := s.served.Load(t)
					s.served.Store(t, before+1)
					return fmt.Sprint(before + 1)
				})
			}
			return "ok"
		})
	}}, explore.Options{})
	// Output:
	// server=ok handler1=1 handler2=1
	// server=ok handler1=1 handler2=2
	// server=ok handler1=2 handler2=1
	// covered: true
}

// Three tasks run the same program, each with a word of its own. Of the outcomes that
// differ only in which task got which result, there is one.
func ExampleRun_Interchangeable() {
	printOutcomes(&explore.Standalone{Name: "count", Tasks: func(r *explore.Run) {
		s := &struct {
			own   [3]sim.Word
			total sim.Word
		}{}
		explore.Label(r, s, "s", 0)
		var members []explore.Member
		for i := range s.own {
			task := r.Go(fmt.Sprint("t", i+1), func(t *sim.Task) string {
				s.own[i].Store(t, s.total.Load(t)+1)
				s.total.Store(t, s.own[i].Load(t))
				return fmt.Sprint(s.own[i].Load(t))
			})
			members = append(members, explore.Member{Task: task, Owns: []any{&s.own[i]}})
		}
		r.Interchangeable(members...)
	}}, explore.Options{})
	// Output:
	// t1=1 t2=1 t3=1
	// t1=1 t2=1 t3=2
	// t1=1 t2=2 t3=2
	// t1=1 t2=2 t3=3
	// covered: true
}

// printer is a test that prints its failure.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Fatalf(format string, args ...any) { fmt.Printf(format+"\n", args...) }

// The sleeper checks the flag before it sets its state. In a test, t is a *testing.T.
func ExampleCheck() {
	var t printer
	explore.Check(t, &explore.Standalone{Name: "flag", Tasks: func(r *explore.Run) {
		s := &struct{ flag sim.Word }{}
		explore.Label(r, s, "s", 0)
		sleeper := r.Go("sleeper", func(t *sim.Task) string {
			if s.flag.Load(t) == 0 {
				t.SetState(sim.Uninterruptible)
				t.Schedule()
			}
			return "woken"
		})
		r.Go("waker", func(t *sim.Task) string {
			s.flag.Store(t, 1)
			t.WakeUpState(sleeper.Sim(), sim.Normal)
			return ""
		})
	}}, explore.Options{})
	// Output:
	// flag: lost wake-up: sleeper is asleep forever (TASK_UNINTERRUPTIBLE)
	//
	// | sleeper                   | waker
	// | ------------------------- | ----------------------
	// | load s.flag               |
	// |                           | store s.flag
	// |                           | try_to_wake_up sleeper
	// | set_current_state sleeper |
	//
	// Again: explore.CheckSchedule(t, program, opts, "sleeper*2 waker*3 sleeper*1")
}
