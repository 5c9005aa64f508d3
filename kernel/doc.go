// Package kernel lists the differences between the modelled kernels as dated changes
// ([Changes]). A profile ([Profiles]) is a modelled kernel: the sum of all changes up to
// its release, beginning with the 2015 code, which is fs/userfaultfd.c of early 2015 and
// the mm of that time. [Resolve] makes the profile of any release.
//
// The packages mm and uffd have one field in their Facts for each difference, and read it
// in one place. Only this package says which kernel has which facts. A new difference
// between kernels needs a field of Facts, the line that reads it, and a row in
// history.go.
//
// # Stability
//
// Stable (a change is announced in CHANGELOG.md): [Profile.Name], [Profiles], [Newest],
// [Lookup], [Resolve], [Describe], [Changes], [Change], [Running] and [Default].
//
// Internal (may change in any commit, although other packages of this module use it): the
// fields of [Profile.UFFD] and [Profile.MM], and [Change.Apply].
package kernel
