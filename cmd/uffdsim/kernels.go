package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/kernel"
	"github.com/uffdsim/uffdsim/scenario"
)

// kernelUsage says in help texts what --kernel accepts.
const kernelUsage = kernel.Accepted

// allKernels is the value of --kernel that means every version at which answers change.
const allKernels = "all"

// parseKernels reads the value of --kernel: names of kernels with commas between them, or
// all alone. It returns each name once, without a v in front, in the order given.
func parseKernels(value string) (names []string, err error) {
	if value == allKernels {
		return scenario.Kernels(), nil
	}
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == allKernels {
			return nil, fmt.Errorf("--kernel %s: all cannot be combined with other kernels", value)
		}
		p, err := kernel.Resolve(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names, nil
}

// oneKernel is parseKernels for a command that can only use one kernel. It reports what
// --kernel resolved to, if it was given.
func oneKernel(cmd *cobra.Command, value string) (string, error) {
	names, err := parseKernels(value)
	if err != nil {
		return "", err
	}
	if len(names) > 1 {
		return "", fmt.Errorf("--kernel %s: %s takes a single kernel", value, cmd.Name())
	}
	if cmd.Flags().Changed("kernel") {
		reportKernels(cmd.ErrOrStderr(), value, names)
	}
	return names[0], nil
}

// reportKernels prints what the value of --kernel resolved to, each kernel on a line of
// its own. It prints nothing if the value is all: these need no resolution.
func reportKernels(out io.Writer, value string, names []string) {
	if value == allKernels {
		return
	}
	for _, name := range names {
		if text, err := kernel.Describe(name); err == nil {
			printIndented(out, "", "    ", "kernel "+text)
		}
	}
}

// completeKernels returns the versions at which answers change, for completion.
func completeKernels(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return scenario.Kernels(), cobra.ShellCompDirectiveNoFileComp
}
