// Package kernel is the history of what the lower packages model: a list of dated changes
// ([Changes]), and the kernels that they add up to ([Profiles]).
//
// The packages mm and uffd say in their Facts where kernels differ, and read each fact
// where it matters. Which kernel has which facts is written here and nowhere else. A new
// difference between kernels is a field of Facts, the line that reads it, and a row of the
// history.
package kernel
