package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/kernel"
)

func newVersions() *cobra.Command {
	var feature string
	cmd := &cobra.Command{
		Use:   "versions [KERNEL...]",
		Short: "List since when the kernel has each feature, and how that is known",
		Long: `List the changes between the modelled kernels, the oldest first: the mainline release that
introduced each change, the stable releases that it was backported to, and how it is known.
"live on" names a running kernel on which the behaviour was observed, "read in" the oldest
source tree that was read and has the change, "commit" the change's commit. All else is as in
the code of 2015, or is not modelled.

With names of kernels, print how --kernel resolves each of them. Accepted are
` + kernel.Accepted + `. The value all
of --kernel stands for the releases at which an answer changes, up to ` + newest() + `, which stands for
` + kernel.Running + `. A newer release has no profile of its own if ` + newest() + ` has its changes as backports.`,
		Example: `  uffdsim versions                          every change
  uffdsim versions --feature MINOR_SHMEM    the change that introduced a feature
  uffdsim versions --feature UFFDIO_COPY    the changes of an ioctl
  uffdsim versions 5.10 6.12.117            what these kernels resolve to`,
		Args:              arguments,
		ValidArgsFunction: completeKernels,
		RunE: func(cmd *cobra.Command, args []string) error {
			out := cmd.OutOrStdout()
			if cmd.Flags().Changed("feature") {
				if len(args) > 0 {
					return errors.New("--feature or names of kernels, not both")
				}
				if strings.TrimSpace(feature) == "" {
					return errors.New("--feature: no feature is named, such as --feature MINOR_SHMEM")
				}
				return listChanges(out, feature)
			}
			if len(args) == 0 {
				return listChanges(out, "")
			}
			for _, name := range args {
				text, err := kernel.Describe(name)
				if err != nil {
					return err
				}
				printIndented(out, "", "    ", text)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&feature, "feature", "", "list only the changes about `NAME`: a feature, an ioctl or a change, such as MINOR_SHMEM, UFFDIO_MOVE or mremap")
	return cmd
}

// listChanges prints the changes about a feature, or all if feature is "".
func listChanges(out io.Writer, feature string) error {
	changes := kernel.Changes()
	if feature != "" {
		changes = about(changes, feature)
	}
	if len(changes) == 0 {
		return fmt.Errorf("no change mentions %q: it is as in the code of 2015, or not modelled (uffdsim versions lists all changes)", feature)
	}
	for i := range changes {
		c := &changes[i]
		fmt.Fprintf(out, "%-9s  %s\n", c.Release, c.Name)
		for _, line := range append(wrap(c.Doc, 85), origin(c)...) {
			fmt.Fprintf(out, "%-9s    %s\n", "", line)
		}
	}
	return nil
}

// about returns the changes about a feature: the change of that name; if none, those that
// name the feature or ioctl in full; if none, those in which it is a word.
func about(changes []kernel.Change, feature string) []kernel.Change {
	word := regexp.MustCompile(`^(UFFD_FEATURE_|UFFDIO_|UFFD_|FEATURE_)`).ReplaceAllString(strings.ToUpper(feature), "")
	if word == "" {
		return nil
	}
	name := strings.ReplaceAll(strings.ToLower(word), "_", "-")
	quoted := regexp.QuoteMeta(word)
	full := regexp.MustCompile(`\b(UFFD_FEATURE_|UFFDIO_|UFFD_)?` + quoted + `\b`) // upper case: a constant
	loose := regexp.MustCompile(`(?i)(^|[^a-z])` + quoted + `($|[^a-z])`)
	for _, matches := range []func(c kernel.Change) bool{
		func(c kernel.Change) bool { return c.Name == name || c.Name == "feature-"+name },
		func(c kernel.Change) bool { return full.MatchString(c.Doc) },
		func(c kernel.Change) bool {
			return loose.MatchString(c.Doc) || loose.MatchString(strings.ReplaceAll(c.Name, "-", " ")) || strings.Contains(c.Name, name)
		},
	} {
		found := slices.DeleteFunc(slices.Clone(changes), func(c kernel.Change) bool { return !matches(c) })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// origin returns the lines about a change's backports, and how it is known.
func origin(c *kernel.Change) []string {
	var lines []string
	if len(c.Backports) > 0 {
		lines = append(lines, "backports: "+strings.Join(c.Backports, ", "))
	}
	var known []string
	if c.Live != "" {
		known = append(known, "live on "+c.Live)
	}
	if c.Src != "" {
		known = append(known, "read in "+c.Src)
	}
	if c.Commit != "" {
		known = append(known, "commit "+c.Commit)
	}
	return append(lines, "known from: "+strings.Join(known, ", "))
}

// wrap breaks a text into lines of at most width characters, between words. A longer word
// has a line of its own.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
