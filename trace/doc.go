// Package trace records a run, of a scenario or of a schedule that the explorer found, as
// a stream of events. Every picture is a function of a stream alone. [State] is the state
// of the machine after an event, rebuilt from the events up to it. docs/trace.md lists
// the kinds of events.
package trace
