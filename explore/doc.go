// Package explore is a model checker for small programs. A [Setup] is a program on the
// modelled machine, a [Standalone] one that uses package sim alone. A search runs the
// program again and again on the controlled executor, each time with another interleaving
// of visible steps, until all interleavings are covered or a run goes wrong.
//
// # Exhaustive search
//
// [Search] is a depth-first search. It executes each local transition of a task once, and
// composes the states of the program from them without running it: see package lts. With
// store buffers, choices, started tasks or invariants it reaches a state by running the
// program again along the path to it. Four reductions avoid what cannot lead to a new
// result:
//
//   - Stubborn sets: in each state it explores only a set of tasks whose next steps are
//     independent of everything that the other tasks can do on their own. It learns the
//     tasks' control-flow graphs from the runs (see [Stats].Passes).
//   - Sleep sets: of the orders of two independent steps it explores only one.
//   - Visited states: it does not explore a state again. A state is identified by a
//     64-bit hash of the shared memory and of each task's history of steps and values
//     read, which determines the task's location and variables. [World.At] replaces the
//     history by the live variables.
//   - [Symmetry]: of the states that differ only by a permutation of the faulters it
//     explores one, the canonical representative.
//
// Together they are sound for everything that is checked here, except for collisions of
// the hashes: every interleaving that is skipped can be reordered, by commuting
// independent steps, into one that is run. The tests compare the search with searches
// without reductions. A loop does not postpone the steps of another task forever (see
// cycles.go). Fairness and liveness are not promised: of tasks that wait forever the
// search finds those that sleep in a final state, and a run may go round a cycle forever
// if another run reaches an end. If none does, [Result].Livelock says so. A run whose
// states never repeat, or in which the only enabled task spins, does not settle, which is
// a failure.
//
// Several workers, and several processes ([Options].Shards), can share a search.
//
// # The shortest failing run
//
// [Counterexample] searches with a rising bound on the number of preemptions, that is, of
// switches away from an enabled task. So the first failing run has the fewest. [Sample]
// makes random runs, for programs that are too large to be covered, and [Shrink] shortens
// the failing run that it finds. [Replay] and [Rows] run a schedule again.
//
// # Your own programs
//
// A Setup creates its tasks with [World.Go]. Each is a function that makes system calls.
// Tasks may share data only through system calls or through package sim. The world's
// memory is at [Arena], registered with the context whose descriptor is World.Fd.
//
// A Standalone creates its tasks with [Run.Go]. Each is a function that uses words, locks
// and wait queues of package sim, in structures that [Label] names. [Check] explores it
// in a Go test.
//
// In both, a task can leave a decision open ([sim.Task.Choose]) and start tasks
// ([Run.Start]), and [Run.Invariant] checks every state. [Run.Interchangeable] declares
// the symmetry of a Standalone.
//
// # Literature
//
// The search combines known algorithms. docs/exploration.md says where it differs.
//
//   - P. Godefroid, Partial-Order Methods for the Verification of Concurrent Systems,
//     1996: persistent sets, sleep sets, and sleep sets stored with visited states.
//   - A. Valmari, Stubborn Sets for Reduced State Space Generation, 1991: the closure by
//     which persistent sets are computed.
//   - R. Kurshan, V. Levin, M. Minea, D. Peled, H. Yenigün, Static Partial Order
//     Reduction, 1998: the cycle proviso.
//   - S. D. Stoller, E. Cohen, Optimistic Synchronization-Based State-Space Reduction,
//     2006: relying on what earlier runs did, and checking that afterwards.
//   - P. Godefroid, Model Checking for Programming Languages using VeriSoft, 1997:
//     searching a program by running it again, with visible operations as transitions.
//   - S. Blom, J. van de Pol, M. Weber, LTSmin: Distributed and Symbolic Reachability,
//     2010: caching transitions by the part of the state that they depend on.
//   - P. Wolper, D. Leroy, Reliable Hashing without Collision Detection, 1993: storing
//     hashes instead of states.
//   - C. N. Ip, D. L. Dill, Better Verification Through Symmetry, 1996; E. M. Clarke, R.
//     Enders, T. Filkorn, S. Jha, Exploiting Symmetry in Temporal Logic Model Checking,
//     1996: symmetry reduction.
//   - M. Musuvathi, S. Qadeer, Iterative Context Bounding for Systematic Testing of
//     Multithreaded Programs, 2007: the bound on preemptions.
//   - S. Burckhardt, P. Kothari, M. Musuvathi, S. Nagarakatte, A Randomized Scheduler
//     with Probabilistic Guarantees of Finding Bugs, 2010: PCT.
//   - D. E. Knuth, Estimating the Efficiency of Backtrack Programs, 1975:
//     [Interleavings].
//   - P. Sewell, S. Sarkar, S. Owens, F. Zappa Nardelli, M. O. Myreen, x86-TSO: A
//     Rigorous and Usable Programmer's Model for x86 Multiprocessors, 2010: store
//     buffers.
//
// The search is not the DPOR of C. Flanagan and P. Godefroid (Dynamic Partial-Order
// Reduction for Model Checking Software, 2005) or of P. Abdulla, S. Aronis, B. Jonsson
// and K. Sagonas (Optimal Dynamic Partial Order Reduction, 2014), although the command's
// strategy is called dpor. These add backtracking points for the conflicts that they see
// in a run, and store no states. Here the stubborn set of a state is known before its
// first successor is explored, so the search can stop at visited states.
package explore
