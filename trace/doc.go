// Package trace is what happened in a run, as a stream of events: of a scenario, or of a
// schedule that the explorer has found. Every picture is a function of a stream, and of
// nothing else; [State] is what the machine looked like after an event, rebuilt from the
// events before it. docs/trace.md lists the kinds.
package trace
