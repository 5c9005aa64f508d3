package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/kernel"
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
		fmt.Fprintf(out, "%s, from %s to %s%s\n", file.Name, kernels[0], newest(), knownAfter(newest()))
	} else {
		printIndented(out, "", "    ", file.Name+", on "+strings.Join(kernels, ", "))
	}
	fmt.Fprintln(out, "  only answers that differ are shown, and no expectation is checked")
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

// knownAfter names the last release with a known change, if it is newer than the kernel
// and has the same profile, because the change was backported. It returns "" otherwise.
func knownAfter(name string) string {
	changes := kernel.Changes()
	last := changes[len(changes)-1].Release
	p, err := kernel.Resolve(name)
	q, err2 := kernel.Resolve(last)
	q.Name = p.Name
	if err != nil || err2 != nil || last == name || p != q {
		return ""
	}
	return fmt.Sprintf(" (%s answers as %s)", last, name)
}

// print prints each answer with the versions that gave it.
func (h *history) print(out io.Writer, kernels []string) {
	printIndented(out, "  ", "       ", h.statement)
	h.printAnswers(out, kernels)
}

// printAnswers prints each answer below the statement. An answer that has only more, or
// only fewer, names in its masks than the one before is shown as that difference.
func (h *history) printAnswers(out io.Writer, kernels []string) {
	before := -1 // the last version that gave the answer before
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
			text := h.answers[i]
			if before >= 0 {
				if difference, ok := maskDifference(h.answers[before], text); ok {
					text = "as " + kernels[before] + difference
				}
			}
			printAnswer(out, span, text)
			before = last
		}
		i = last + 1
	}
}

// spanWidth is the width of the column of versions.
const spanWidth = 18

// printAnswer prints the versions and their answer side by side, in lines of at most
// columns characters. If the versions are too many, they have lines of their own.
func printAnswer(out io.Writer, span, answer string) {
	head := fmt.Sprintf("    %-*s ", spanWidth, span)
	rest := strings.Repeat(" ", 4+spanWidth+1)
	if len(span) > spanWidth {
		printIndented(out, "    ", "    ", span)
		head = rest
	}
	for line := range strings.SplitSeq(answer, "\n") {
		printIndented(out, head, rest+"  ", line)
		head = rest
	}
}
