package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/bench"
)

func newBench() *cobra.Command {
	var opts bench.Options
	var asJSON, scale bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the model, side by side with the running kernel",
		Long: `Run the same programs on the model and, where userfaultfd can be used, on the running
kernel, sample by sample in turn, and print medians, the spread and the ratio, and which
targets are met. docs/performance.md says what each row does.

The rows of 100,000 VMAs and more need vm.max_map_count to be as large on the kernel.`,
		Example: `  uffdsim bench                       everything, about two minutes
  uffdsim bench --only 'round trip'   some rows
  uffdsim bench --scale               a million VMAs, 100,000 sleepers, ten million pages
  uffdsim bench --json                for a program`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := within("--time", opts.Time, 0, maxBenchTime); err != nil {
				return err
			}
			if scale {
				return runScale(cmd.OutOrStdout(), asJSON)
			}
			opts.Progress = func(what string) { fmt.Fprintf(cmd.ErrOrStderr(), "measuring: %s\n", what) }
			report, err := bench.Run(opts)
			if err != nil {
				return fmt.Errorf("uffdsim bench: %w", err)
			}
			if asJSON {
				return report.WriteJSON(cmd.OutOrStdout())
			}
			return report.WriteTable(cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.DurationVar(&opts.Time, "time", time.Second, "how long to measure each row, on the slower side")
	f.StringVar(&opts.Only, "only", "", "measure the rows whose names contain this")
	f.BoolVar(&opts.NoKernel, "no-kernel", false, "leave the running kernel out")
	f.BoolVar(&scale, "scale", false, "instead, put on one process as much as it is to bear in 8 GiB")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	for _, other := range []string{"time", "only", "no-kernel"} {
		cmd.MarkFlagsMutuallyExclusive("scale", other)
	}
	return cmd
}

// runScale puts the full load on the model.
func runScale(out io.Writer, asJSON bool) error {
	steps, err := bench.Scale(bench.FullLoad)
	if err != nil {
		return fmt.Errorf("uffdsim bench: %w", err)
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(steps)
	}
	bench.WriteSteps(out, steps)
	return nil
}
