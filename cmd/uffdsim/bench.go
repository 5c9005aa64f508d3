package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/bench"
)

func newBench() *cobra.Command {
	opts := bench.Options{Time: time.Second}
	var asJSON, scale bool
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure the model and the running kernel side by side",
		Long: `Run the same programs on the model and, if userfaultfd is available, on the running kernel,
taking samples of both in turn. Print the medians, their spread, the ratio of both and
whether the project's targets are met. docs/performance.md explains each row.

The rows with 100,000 VMAs (mappings) and more need a vm.max_map_count of that size. Most of
the time goes into them: each row has at least 15 samples, whatever --time is.

Ctrl-C or SIGTERM ends the measurement, and prints the rows measured so far.`,
		Example: `  uffdsim bench                       everything, a few minutes
  uffdsim bench --only 'round trip'   some rows
  uffdsim bench --time 100ms          with less precision, and not much sooner
  uffdsim bench --scale               a million VMAs, 100,000 sleepers, ten million pages
  uffdsim bench --json                for a program`,
		Args: arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := exclusive(cmd, "scale", "time", "only", "no-kernel"); err != nil {
				return err
			}
			if scale {
				return runScale(cmd.OutOrStdout(), asJSON)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal has its default effect: it ends the program
			opts.Context = ctx
			opts.Progress = func(what string) { fmt.Fprintf(cmd.ErrOrStderr(), "measuring: %s\n", what) }
			report, err := bench.Run(opts)
			if report == nil {
				return err
			}
			write := report.WriteTable
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if err != nil {
				return errors.New("interrupted: not every row was measured")
			}
			return nil
		},
	}
	f := cmd.Flags()
	addNumber(cmd, &opts.Time, "time", 0, maxBenchTime, time.Second, "how long to measure the slower side of each row")
	f.StringVar(&opts.Only, "only", "", "measure only the rows whose names contain `TEXT`")
	f.BoolVar(&opts.NoKernel, "no-kernel", false, "do not measure the running kernel")
	f.BoolVar(&scale, "scale", false, "instead, load one process of the model with as much as should fit in 8 GiB")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// runScale puts the full load on the model.
func runScale(out io.Writer, asJSON bool) error {
	steps, err := bench.Scale(bench.FullLoad)
	if err != nil {
		return err
	}
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(steps)
	}
	bench.WriteSteps(out, steps)
	return nil
}
