// Package litmus explores scenarios with a parallel block: it runs the block in every
// interleaving, lists the outcomes, and checks the scenario's conditions on them, as
// herd7 does for memory models (J. Alglave, L. Maranget, M. Tautschnig, "Herding Cats",
// ACM TOPLAS 36, 2014).
package litmus
