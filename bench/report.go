package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// Line is a line of the table.
type Line struct {
	Name   string  `json:"name"`
	Size   int     `json:"size,omitempty"`
	Label  string  `json:"label"`
	Unit   string  `json:"unit"` // ns, B or x (times)
	Model  *Stat   `json:"model"`
	Kernel *Stat   `json:"kernel,omitempty"`
	Ratio  float64 `json:"ratio,omitempty"` // the kernel's median divided by the model's
	// AtMost is the fraction of the kernel's time that the model may take, 0 for no
	// target. NoKernel is why the kernel was not measured.
	AtMost   float64 `json:"at_most,omitempty"`
	NoKernel string  `json:"no_kernel,omitempty"`
}

// Check is a target and its result.
type Check struct {
	What  string  `json:"what"`
	Value float64 `json:"value"`
	Least float64 `json:"least,omitempty"` // bounds of the value, 0 for none
	Most  float64 `json:"most,omitempty"`
	Met   bool    `json:"met"`
}

// Report is the result of a run.
type Report struct {
	Go     string  `json:"go"`
	CPUs   int     `json:"cpus"`
	Kernel string  `json:"kernel,omitempty"`
	Lines  []Line  `json:"lines"`
	Checks []Check `json:"checks"`
}

func newReport() *Report {
	return &Report{Go: runtime.Version(), CPUs: runtime.GOMAXPROCS(0), Kernel: KernelVersion()}
}

func (r *Report) add(l Line) { r.Lines = append(r.Lines, l) }

// median returns the model's median in a line, and whether the line exists.
func (r *Report) median(name string, size int) (float64, bool) {
	for _, l := range r.Lines {
		if l.Name == name && l.Size == size {
			return l.Model.Median, true
		}
	}
	return 0, false
}

// check compares the lines with the targets.
func (r *Report) check() {
	for _, l := range r.Lines {
		if l.AtMost != 0 && l.Kernel != nil {
			r.target(l.Label+": times as fast as the kernel", l.Ratio, 1/l.AtMost, 0)
		}
	}
	if limit, ok := r.median(pingPongRow, 0); ok {
		for _, name := range []string{roundTripRead, roundTripPoll} {
			if v, ok := r.median(name, 0); ok {
				r.target(name+": in ping-pongs", v/limit, 0, 4)
			}
		}
	}
	r.growth(pairRow, 100, 500_000, 2)
	r.growth(wakeRow, 1, 5000, 2)
	for _, m := range []struct {
		name        string
		least, most float64
	}{{bytesVMA, 0, 256}, {bytesSleeper, 0, 512}, {throughput, 1.8, 0}} {
		if v, ok := r.median(m.name, 0); ok {
			r.target(m.name, v, m.least, m.most)
		}
	}
}

// growth checks how many times as long a program takes at the larger of two sizes.
func (r *Report) growth(name string, small, large int, most float64) {
	a, ok1 := r.median(name, small)
	b, ok2 := r.median(name, large)
	if ok1 && ok2 {
		r.target(fmt.Sprintf("%s: growth from %s to %s", name, thousands(small), thousands(large)), b/a, 0, most)
	}
}

func (r *Report) target(what string, value, least, most float64) {
	met := value >= least && (most == 0 || value <= most)
	r.Checks = append(r.Checks, Check{What: what, Value: value, Least: least, Most: most, Met: met})
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteTable writes the report as a table.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	kernel := "kernel"
	if r.Kernel != "" {
		kernel += " " + r.Kernel
	}
	fmt.Fprintf(w, "%s, %d processors. Medians; ± is the distance of the quartiles.\n\n", r.Go, r.CPUs)
	fmt.Fprintf(t, "\tmodel\t\t%s\t\tkernel/model\t\n", kernel)
	var notes []string
	for _, l := range r.Lines {
		fmt.Fprintf(t, "%s\t%s\t", pad(l.Label), l.Model.in(l.Unit))
		switch {
		case l.Kernel != nil:
			fmt.Fprintf(t, "%s\t%.1f x\t\n", l.Kernel.in(l.Unit), l.Ratio)
		case l.NoKernel != "":
			if !slices.Contains(notes, l.NoKernel) {
				notes = append(notes, l.NoKernel)
			}
			fmt.Fprintf(t, "-\t\t[%d]\t\n", slices.Index(notes, l.NoKernel)+1)
		default:
			fmt.Fprint(t, "\t\t\t\n")
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, note := range notes {
		writeNote(w, fmt.Sprintf("[%d] not measured on the kernel, so the ratio has no target: %s", i+1, note))
	}
	if len(r.Checks) > 0 {
		fmt.Fprintln(w, "\nTargets:")
	}
	for _, c := range r.Checks {
		met := "met   "
		if !c.Met {
			met = "MISSED"
		}
		bound := fmt.Sprintf("at least %.4g", c.Least)
		if c.Most != 0 {
			bound = fmt.Sprintf("at most %.4g", c.Most)
		}
		fmt.Fprintf(w, "  %s  %s: %.3g (%s)\n", met, c.What, c.Value, bound)
	}
	return nil
}

// noteWidth is the width of the lines below the table, in characters.
const noteWidth = 100

// writeNote writes a note below the table in lines of at most noteWidth characters.
func writeNote(w io.Writer, note string) {
	line := ""
	for _, word := range strings.Fields(note) {
		if line != "" && utf8.RuneCountInString(line+" "+word) > noteWidth {
			fmt.Fprintln(w, line)
			line = "   "
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(w, line)
}

// pad extends a label with spaces, so that the column of labels is aligned to the left.
func pad(label string) string { return label + strings.Repeat(" ", max(0, 46-len(label))) }

// in returns the median with its unit, and the distance of the farther quartile.
func (s *Stat) in(unit string) string {
	spread := 100 * max(s.High-s.Median, s.Median-s.Low) / s.Median
	return fmt.Sprintf("%s\t±%.0f%%", quantity(s.Median, unit), spread)
}

func quantity(v float64, unit string) string {
	switch {
	case unit == "ns" && v >= 1e6:
		return fmt.Sprintf("%.2f ms", v/1e6)
	case unit == "ns" && v >= 1000:
		return fmt.Sprintf("%.2f µs", v/1000)
	case unit == "x":
		return fmt.Sprintf("%.2f x", v)
	}
	return fmt.Sprintf("%.0f %s", v, unit)
}
