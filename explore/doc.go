// Package explore covers the interleavings of small programs on the modelled machine: a
// [Setup] is such a program, a search runs it again and again under the controlled
// executor, in a different order of visible steps each time, until every order has
// been covered or one has gone wrong.
//
// # Exhaustive search
//
// [Search] is depth first, by running the program anew along a prefix and then trying
// something else. Four reductions keep it from trying what cannot matter:
//
//   - Stubborn sets: in each state only some tasks are tried, with whose steps nothing
//     interferes that the others may do. What they may do is learnt (see [Stats].Passes).
//   - Sleep sets: of two steps that commute only one order is tried.
//   - States that have been seen are not explored again. A state is known by a sum of the
//     shared memory and of what each task has done and seen so far, which determines where
//     the tasks stand.
//   - [Symmetry]: of states that differ only in which faulter is which, one is explored.
//
// Together they are sound for everything that is checked here, up to collisions of 64-bit
// sums: each run that is left out could be reordered, step by commuting step, into one that
// is not (Godefroid, Partial-Order Methods for the Verification of Concurrent Systems;
// Valmari, Stubborn Sets for Reduced State Space Generation). The tests hold it against
// searches that leave nothing out.
//
// A search can be shared by several workers, and by several processes (Options.Shards).
//
// # The shortest failing run
//
// [Counterexample] searches with a rising bound on the number of preemptions: of switches
// away from a task that could have gone on. The first run that it finds to go wrong
// therefore has the fewest. [Sample] tries runs as chance will have it, for programs that are
// too large, and [Shrink] makes what it finds shorter. [Replay] and [Rows] show a run again.
//
// # Programs of one's own
//
// A Setup creates its tasks with [World.Go]. Each is a function that makes system calls; what
// it shares with other tasks it must share through them, or through package sim. The
// world's memory is at [Arena], registered with the context whose descriptor is World.Fd.
package explore
