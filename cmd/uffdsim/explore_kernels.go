package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/uffdsim/uffdsim/litmus"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

// kernelTable says on which kernels the conditions of a scenario hold, and which outcomes
// it has there.
type kernelTable struct {
	title      string
	conditions []litmus.Verdict
	outcomes   []string // numbered from 1, in the order in which they were found
	rows       []kernelRow
}

// kernelRow is the result on a kernel.
type kernelRow struct {
	kernel string
	cells  []string // the truth of each condition, and the numbers of the outcomes
	failed bool     // a condition does not hold, or a run goes wrong
}

// exploreOn explores a scenario on several kernels, and prints a table.
func (x *exploration) exploreOn(kernels []string, file *syntax.File, out, errOut io.Writer) error {
	if x.picture.format != "text" || x.replay != "" || x.show != "" {
		return errors.New("--format, --show and --replay take a single --kernel")
	}
	table := kernelTable{title: cmp.Or(file.Directive("title"), file.Name)}
	for i, kernel := range kernels {
		if x.Context.Err() != nil {
			kernels = kernels[:i]
			break
		}
		opts := x.Options
		opts.Version = kernel
		test, err := litmus.New(x.Context, file, opts, scenario.Limits{})
		if u, ok := errors.AsType[*scenario.Unprepared](err); ok {
			table.rows = append(table.rows, kernelRow{kernel, []string{early(u)}, true})
			continue
		}
		if err != nil {
			return err
		}
		r, err := x.searchTest(test, errOut)
		if err != nil {
			return err
		}
		if r.Failure != nil && scenario.IsNotModelled(r.Failure.Err) {
			return r.Failure.Err
		}
		table.addResult(kernel, r)
	}
	err := x.picture.to(out, func(out io.Writer) error {
		table.print(out, file.Name, slices.Equal(kernels, scenario.Kernels()))
		if x.Context.Err() != nil {
			fmt.Fprintln(out, "  interrupted: not all kernels were explored")
		}
		return nil
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(table.rows, func(r kernelRow) bool { return r.failed }) || x.Context.Err() != nil {
		return errFailed
	}
	return nil
}

// early says where a scenario fails before its parallel block.
func early(u *scenario.Unprepared) string {
	if failures := u.Report.Failures(); len(failures) > 0 {
		return fmt.Sprintf("line %d fails, before the parallel block", failures[0].Line)
	}
	return "fails before the parallel block"
}

// addResult adds the result on a kernel.
func (t *kernelTable) addResult(kernel string, r *litmus.Result) {
	t.conditions = r.Verdicts
	row := kernelRow{kernel: kernel, failed: !r.OK()}
	for _, v := range r.Verdicts {
		row.cells = append(row.cells, strings.TrimSpace(holds(v)))
	}
	var numbers []int
	for _, o := range slices.Sorted(maps.Keys(r.Result.Outcomes)) {
		i := slices.Index(t.outcomes, o)
		if i < 0 {
			i, t.outcomes = len(t.outcomes), append(t.outcomes, o)
		}
		numbers = append(numbers, i+1)
	}
	slices.Sort(numbers)
	last := strings.Trim(fmt.Sprint(numbers), "[]")
	switch {
	case r.Failure != nil:
		last += ", and a run goes wrong: " + r.Failure.Err.Error()
	case !r.Covered:
		last += " (not everything is covered)"
	}
	row.cells = append(row.cells, last)
	t.rows = append(t.rows, row)
}

// print prints the table. If the kernels are all there are, one row stands for all that
// follow each other and have the same result.
func (t *kernelTable) print(out io.Writer, name string, all bool) {
	fmt.Fprintf(out, "%s: %s\n", name, printable(t.title))
	for i, o := range t.outcomes {
		printIndented(out, fmt.Sprintf("  outcome %-2d  ", i+1), "              ", printable(o))
	}
	head := []string{"  KERNEL"}
	for _, v := range t.conditions {
		printIndented(out, fmt.Sprintf("  line %-5d  ", v.Line), "              ", printable(v.Text))
		head = append(head, fmt.Sprintf("LINE %d", v.Line))
	}
	rows := [][]string{append(head, "OUTCOMES")}
	for i, row := range t.rows {
		if before := len(rows) - 1; all && i > 0 && slices.Equal(row.cells, t.rows[i-1].cells) {
			first, _, _ := strings.Cut(rows[before][0], " to ")
			rows[before][0] = first + " to " + row.kernel
			continue
		}
		rows = append(rows, append([]string{"  " + row.kernel}, row.cells...))
	}
	fmt.Fprintln(out)
	writeTable(out, rows)
}
