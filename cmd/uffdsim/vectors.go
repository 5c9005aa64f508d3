package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/conform"
	"github.com/uffdsim/uffdsim/scenario/syntax"
)

func newVectors() *cobra.Command {
	var kernel string
	cmd := &cobra.Command{
		Use:   "vectors DIR",
		Short: "Write the conformance suite with the answers of a kernel version",
		Long: `Write the scenarios of the conformance suite into the directory DIR, each with the answers
of a kernel version. They are test vectors for implementations in other languages. The
command names each scenario that it leaves out because the version cannot run it, for example
because a task still sleeps when it should perform an operation.`,
		Example: "  uffdsim vectors vectors-4.3 --kernel 4.3\n  uffdsim vectors lts --kernel 5.10,5.15,6.1,6.6,6.12",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			kernels, err := parseKernels(kernel)
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("kernel") {
				reportKernels(cmd.ErrOrStderr(), kernel, kernels)
			}
			for _, k := range kernels {
				dir := args[0]
				if len(kernels) > 1 {
					dir = filepath.Join(dir, k)
				}
				if err := writeVectors(&printableWriter{out: cmd.OutOrStdout()}, dir, k); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&kernel, "kernel", newest(), "kernel `VERSION`: "+kernelUsage+"; with several with commas, or all, each has its own directory in DIR")
	return cmd
}

func writeVectors(out io.Writer, dir, kernel string) error {
	files, err := conform.Suite()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("%s: %w", dir, reason(err))
	}
	written := 0
	for _, file := range files {
		text, err := conform.Vector(file, kernel)
		if err != nil {
			fmt.Fprintf(out, "left out: %v\n", err)
			continue
		}
		text = bytes.Replace(text, []byte("#! kernel: "+file.Directive("kernel")), []byte("#! kernel: "+kernel), 1)
		if err := os.WriteFile(filepath.Join(dir, file.Name), text, 0o666); err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(dir, file.Name), reason(err))
		}
		written++
	}
	fmt.Fprintf(out, "%s of %s in %s\n", syntax.Counted(written, "scenario"), kernel, dir)
	return nil
}
