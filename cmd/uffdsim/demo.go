package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/scenario"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

func newDemo() *cobra.Command {
	var pause, noPause bool
	cmd := &cobra.Command{
		Use:   "demo [FILE]",
		Short: "Run a scenario step by step, and draw the kernel's state at each step",
		Long: `Run a scenario, by default the first lesson, step by step. Each step shows the statement with
its result; then the mappings with their pages, the queues of the userfaultfd (pending faults
and those that were read), and the page-table entries for the address in question, one for
each level: pgd, pud, pmd and pte. FILE is a file, a lesson's name or number, or - for
standard input.`,
		Example:           "  uffdsim demo\n  uffdsim demo --pause 01\n  uffdsim demo my.uffd",
		Args:              arguments,
		ValidArgsFunction: completeLessons,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := exclusive(cmd, "pause", "no-pause"); err != nil {
				return err
			}
			name := lessons.All()[0].Name
			if len(args) == 1 {
				name = args[0]
			}
			var keys *bufio.Reader
			if pause {
				if name == "-" {
					return errors.New("--pause reads keys from standard input, and - the scenario: leave one of them out")
				}
				keys = bufio.NewReader(cmd.InOrStdin())
			}
			source, path, err := readSource(cmd.InOrStdin(), name)
			if err != nil {
				return err
			}
			return demo(cmd.OutOrStdout(), printableName(path), string(source), keys)
		},
	}
	cmd.Flags().BoolVar(&pause, "pause", false, "wait for Enter after each step")
	cmd.Flags().BoolVar(&noPause, "no-pause", false, "do not wait between the steps: the default")
	return cmd
}

// demo runs the scenario and draws each step. path is its name for messages. If keys is
// not nil, it waits for a line of keys between two steps.
func demo(w io.Writer, path, text string, keys *bufio.Reader) error {
	file, err := syntax.Parse(path, []byte(text))
	if err != nil {
		return err
	}
	session, err := scenario.NewSession(file, scenario.Options{})
	if err != nil {
		return err
	}
	defer session.Close()
	colour := paletteFor(w)
	for _, line := range wrap(printable(headline(file)), columns) {
		fmt.Fprintln(w, colour.bold(line))
	}
	fmt.Fprintln(w, colour.faint("pages: "+scenario.Legend))
	source, shown := strings.Split(text, "\n"), 0
	before := ""
	for n := 0; ; n++ {
		if keys != nil && n > 0 && n < len(file.Stmts) {
			fmt.Fprint(w, colour.bold(fmt.Sprintf("[step %d of %d: Enter goes on, q and Enter end] ", n, len(file.Stmts))))
			line, err := keys.ReadString('\n')
			if err != nil {
				fmt.Fprintln(w)
				return nil // the end of the input
			}
			if strings.TrimSpace(line) == "q" {
				return nil
			}
		}
		r, err := session.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintln(w)
		for _, line := range source[shown : r.Line-1] {
			if strings.HasPrefix(line, "# ") {
				fmt.Fprintln(w, colour.faint(printable(strings.TrimSuffix(line, "\r"))))
			}
		}
		shown = r.Line
		printStep(w, colour, r)
		picture := session.Draw()
		if picture == before {
			fmt.Fprintln(w, colour.faint("    | as before"))
		} else {
			fmt.Fprint(w, colour.faint(indent(picture, "    | ")))
		}
		before = picture
		switch {
		case r.OK:
		case r.Finding != nil && r.Finding.NotModelled():
			return r.Finding
		default:
			fmt.Fprint(w, colour.bad(printable(r.Diff())))
			return errFailed
		}
	}
}

// headline returns the title of the scenario and what it teaches, or else its name.
func headline(file *syntax.File) string {
	line := cmp.Or(file.Directive("title"), file.Name)
	if teaches := file.Directive("teaches"); teaches != "" {
		line += ": " + teaches + "."
	}
	return line
}

// printStep prints a statement with its result, in the syntax of a scenario.
func printStep(w io.Writer, colour palette, r *scenario.Result) {
	fmt.Fprintln(w, colour.bold(r.String()))
	for _, l := range r.Block {
		fmt.Fprintln(w, "    "+printable(l))
	}
}

// indent puts the prefix in front of each line.
func indent(text, prefix string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(prefix + line)
	}
	return b.String()
}
