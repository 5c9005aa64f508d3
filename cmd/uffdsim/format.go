package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/uffdsim/uffdsim/explore"
	"github.com/uffdsim/uffdsim/sim"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/dot"
	"github.com/uffdsim/uffdsim/trace/mermaid"
	"github.com/uffdsim/uffdsim/trace/page"
	"github.com/uffdsim/uffdsim/trace/perfetto"
	"github.com/uffdsim/uffdsim/uffd"
)

// formats are the formats that a run can be shown in besides text, each with a
// description.
var formats = []struct {
	name, is string
	json     bool // it consists of JSON, or contains all text of the scenario as JSON
	write    func(out io.Writer, s trace.Stream) error
}{
	{"json", "every event, a JSON object per line (docs/trace.md)", true, func(out io.Writer, s trace.Stream) error { return s.WriteJSON(out) }},
	{"mermaid", "a sequence diagram that GitHub renders", false, mermaid.Write},
	{"perfetto", "a trace for ui.perfetto.dev", true, perfetto.Write},
	{"dot", "the last state as a graph for Graphviz", false, dot.Write},
	{"html", "a page to step through in a browser", true, page.Write},
}

// picture says in which format a run is shown, and where.
type picture struct{ format, output string }

func (p *picture) addFlags(cmd *cobra.Command) {
	doc := "`FORMAT` to show the run in: text"
	for _, f := range formats {
		doc += "; " + f.name + ", " + f.is
	}
	cmd.Flags().StringVar(&p.format, "format", "text", doc)
	cmd.Flags().StringVarP(&p.output, "output", "o", "", "`FILE` to write to (default: standard output)")
	_ = cmd.RegisterFlagCompletionFunc("format", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return formatNames(), cobra.ShellCompDirectiveNoFileComp
	})
}

func formatNames() []string {
	names := []string{"text"}
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

// isText reports whether the format is text. The error says that the format does not
// exist.
func (p *picture) isText() (bool, error) {
	for _, name := range formatNames() {
		if p.format == name {
			return name == "text", nil
		}
	}
	return false, fmt.Errorf("no format %q%s: the formats are %s", p.format, didYouMean(p.format, formatNames()), strings.Join(formatNames(), ", "))
}

// to calls write with the writer to write to, and closes that.
func (p *picture) to(standard io.Writer, write func(out io.Writer) error) error {
	if p.output == "" {
		return write(standard)
	}
	f, err := os.Create(p.output)
	if err != nil {
		return p.failed(err)
	}
	err = write(f)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// failed returns the error for a file that cannot be written to.
func (p *picture) failed(err error) error {
	return fmt.Errorf("--output %s: %w", printableName(p.output), reason(err))
}

// keeps returns an error if the file to write to is one of the scenarios, which would be
// lost.
func (p *picture) keeps(scenarios []string) error {
	output, err := os.Stat(p.output)
	if p.output == "" || err != nil {
		return nil
	}
	for _, name := range scenarios {
		if info, err := os.Stat(name); err == nil && os.SameFile(info, output) {
			return fmt.Errorf("--output %s: would overwrite the scenario", p.output)
		}
	}
	return nil
}

// try returns an error if the file to write to cannot be created, before much work is
// done for it. It leaves no new file.
func (p *picture) try() error {
	if p.output == "" {
		return nil
	}
	_, err := os.Lstat(p.output)
	fresh := errors.Is(err, fs.ErrNotExist)
	f, err := os.OpenFile(p.output, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return p.failed(err)
	}
	err = f.Close()
	if fresh {
		err = errors.Join(err, os.Remove(p.output))
	}
	return err
}

// draw writes the stream in the format. The format must not be text.
func (p *picture) draw(standard io.Writer, s trace.Stream) error {
	return p.to(standard, func(out io.Writer) (err error) {
		for _, f := range formats {
			if f.name == p.format {
				err = f.write(&printableWriter{out: out, json: f.json}, s)
			}
		}
		return err
	})
}

// subject is a program of package explore, with its text.
type subject struct {
	explore.Program
	name   string // of the program, or of the file
	source string // what the text comes from, for the page
	text   string
}

// subjectOf returns the subject of a program that has no text of its own.
func subjectOf(setup *explore.Setup) subject {
	return subject{setup, setup.Name, "uffdsim explore " + setup.Name, "# " + setup.Name + ": " + setup.Doc + "\n"}
}

// streamOf replays a schedule of a program, and returns its stream of events.
func streamOf(of subject, opts explore.Options, schedule explore.Schedule) (trace.Stream, error) {
	var r trace.Recorder
	text := of.text
	for _, info := range uffd.Rules() {
		if opts.Dropped.Has(info.Rule) {
			text += "# without the rule " + info.Name + "\n"
		}
	}
	r.Begin(cmp.Or(opts.Version, explore.DefaultVersion), 0, of.source, text+"# schedule: "+schedule.String())
	outcome, failure, err := explore.Replay(of.Program, opts, schedule, func(e sim.Event) { r.Event(e) })
	if err != nil {
		return nil, err
	}
	r.Outcome(outcome, failure)
	return r.Stream, nil
}
