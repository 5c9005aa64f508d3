// Package lts composes the transition systems of tasks without running the tasks.
//
// A task of a controlled executor is deterministic: what it does next follows from its
// location and the contents that it finds in shared objects. So each of its transitions
// has to be executed only once. A [System] records it: the location, the objects found
// and what was in them, the objects changed and what they hold now, and the next
// location. The states of the whole program are combinations of locations and contents.
// Most combine known ones, and [State.Step] computes their successors from the records.
// If there is no record, the program has to run along the path once more, and a
// [Recorder] adds what that run shows.
//
// This is the transition cache of a model checker: S. Blom, J. van de Pol and M. Weber,
// "LTSmin: distributed and symbolic reachability", CAV 2010, cache transitions by the
// part of the state that they depend on. There a specification declares that part, here
// each run shows it. Contents and locations are numbered, and a state is a vector of
// these numbers, as in the collapse compression of G. J. Holzmann, "State compression in
// SPIN", 1997.
//
// Locks are the exception: the holder of a lock, and the tasks in its queue, are no
// content. [State] follows the rules of package sim for them.
//
// The recorder checks everything that a run shows against what it knows: that each task
// was enabled, found what the state holds, and did what it did when it was recorded. A
// task that depends on something it has not accessed through package sim is thereby
// found. (See [HiddenError].)
package lts
