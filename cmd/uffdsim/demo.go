package main

import (
	"bufio"
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
		Use:   "demo [LESSON]",
		Short: "Run a lesson step by step, and draw the kernel's state at each step",
		Long: `Run a lesson, by default the first one, step by step. Each step shows the statement with its
result; then the mappings with their pages, the queues of the userfaultfd (pending faults
and those that were read), and the page-table entries for the address in question, one for
each level: pgd, pud, pmd and pte.`,
		Example:           "  uffdsim demo\n  uffdsim demo --pause 01",
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
			lesson, ok := lessons.Find(name)
			if !ok {
				return fmt.Errorf("uffdsim demo: no lesson %q%s: \"uffdsim list\" shows them", name, didYouMean(name, lessonNames()))
			}
			var keys *bufio.Reader
			if pause {
				keys = bufio.NewReader(cmd.InOrStdin())
			}
			return demo(cmd.OutOrStdout(), lesson, keys)
		},
	}
	cmd.Flags().BoolVar(&pause, "pause", false, "wait for Enter after each step")
	cmd.Flags().BoolVar(&noPause, "no-pause", false, "do not wait between the steps: the default")
	return cmd
}

// demo runs the lesson and draws each step. If keys is not nil, it waits for a line of
// keys between two steps.
func demo(w io.Writer, lesson lessons.Lesson, keys *bufio.Reader) error {
	file, err := syntax.Parse(lesson.Name+".uffd", []byte(lesson.Source))
	if err != nil {
		return err
	}
	session, err := scenario.NewSession(file, scenario.Options{})
	if err != nil {
		return err
	}
	defer session.Close()
	colour := paletteFor(w)
	fmt.Fprintf(w, "%s\n%s\n", colour.bold(lesson.Title+": "+lesson.Teaches+"."), colour.faint("pages: "+scenario.Legend))
	source, shown := strings.Split(lesson.Source, "\n"), 0
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
				fmt.Fprintln(w, colour.faint(line))
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
		if !r.OK {
			fmt.Fprint(w, colour.bad(r.Diff()))
			return errFailed
		}
	}
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
