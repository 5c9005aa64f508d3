package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// history has the answers of the versions, the oldest first, to a statement.
type history struct {
	statement string
	answers   []string // "" for a version on which the run ended before
}

// compareVersions runs a scenario on the versions, and prints the statements that they
// answer differently. It ignores the scenario's expectations.
func compareVersions(out io.Writer, p *progress, file *syntax.File, opts scenario.Options, kernels []string) error {
	histories := make([]history, len(file.Stmts))
	early := history{answers: make([]string, len(kernels))} // why runs ended early
	for k, kernel := range kernels {
		p.set("%s: on %s, kernel %d of %d", file.Name, kernel, k+1, len(kernels))
		opts.Kernel = kernel
		report, err := scenario.Run(file, opts)
		if report == nil { // the scenario has a mistake
			return err
		}
		if err != nil { // the rest makes no sense on this kernel
			early.answers[k] = "ends early: " + err.Error()
		}
		for i := range report.Results {
			h, r := &histories[i], &report.Results[i]
			if h.answers == nil {
				h.answers = make([]string, len(kernels))
			}
			h.statement = fmt.Sprintf("%d: %s", r.Line, r.Statement())
			h.answers[k] = strings.Trim(r.Whole(), "\n")
		}
	}
	p.end()
	if slices.Equal(kernels, scenario.Kernels()) {
		fmt.Fprintf(out, "%s, from %s to %s\n", file.Name, kernels[0], kernels[len(kernels)-1])
	} else {
		fmt.Fprintf(out, "%s, on %s\n", file.Name, strings.Join(kernels, ", "))
	}
	same := true
	for _, h := range histories {
		if h.differs() {
			same = false
			h.print(out, kernels)
		}
	}
	if same {
		fmt.Fprintln(out, "  every version gives the same answers")
	}
	early.printAnswers(out, kernels)
	return nil
}

// differs reports whether two of the versions that ran the statement answered
// differently.
func (h *history) differs() bool {
	first := ""
	for _, a := range h.answers {
		if first == "" {
			first = a
		}
		if a != "" && a != first {
			return true
		}
	}
	return false
}

// print prints each answer with the versions that gave it.
func (h *history) print(out io.Writer, kernels []string) {
	fmt.Fprintf(out, "  %s\n", h.statement)
	h.printAnswers(out, kernels)
}

func (h *history) printAnswers(out io.Writer, kernels []string) {
	for i := 0; i < len(kernels); {
		last := i
		for last+1 < len(kernels) && h.answers[last+1] == h.answers[i] {
			last++
		}
		span := strings.Join(kernels[i:last+1], ", ")
		if last > i && slices.Equal(kernels, scenario.Kernels()) {
			span = kernels[i] + " to " + kernels[last]
		}
		if h.answers[i] != "" {
			fmt.Fprintf(out, "    %-18s %s\n", span, strings.ReplaceAll(h.answers[i], "\n", "\n"+strings.Repeat(" ", 23)))
		}
		i = last + 1
	}
}
