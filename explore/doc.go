// Package explore covers the interleavings of small programs on the modelled machine:
// a [Setup] is such a program, a search runs it again and again under the controlled
// executor, in a different order of visible steps each time, until every order has
// been covered or one has gone wrong.
//
// # Exhaustive search
//
// The search is depth first, by running the program anew along a prefix and then
// trying something else. Two reductions keep it from trying what cannot matter:
//
//   - Sleep sets: of two steps that commute only one order is tried.
//   - States that have been seen are not explored again. A state is known by the sum of
//     the shared memory and of what each task has done and seen so far
//     ([sim.Controlled.State]), which determines where the tasks stand.
//
// Together they are sound for everything that is checked here: each reachable state is
// still visited (Godefroid, Partial-Order Methods for the Verification of Concurrent
// Systems, chapters 5 and 6), up to collisions of 64-bit hashes.
//
// # The shortest failing run
//
// A counterexample is searched for with a rising bound on the number of preemptions:
// of switches away from a task that could have gone on. The first one found therefore
// has the fewest.
package explore
