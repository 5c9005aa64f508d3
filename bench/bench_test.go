package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/errno"
	"github.com/uffdsim/uffdsim/uffd/abi"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small returns the row with a size of at most 300.
func small(r row) row {
	r.size, r.vmas = min(r.size, 300), min(r.vmas, 300)
	return r
}

// Every program runs on both sides, and takes time.
func TestPrograms(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows() {
		r = small(r)
		if seen[r.String()] {
			continue
		}
		seen[r.String()] = true
		t.Run(r.String(), func(t *testing.T) {
			line, err := measure(&r, &Options{})
			require.NoError(t, err)
			require.Equal(t, minSamples, line.Model.Samples)
			require.Positive(t, line.Model.Low)
			if line.NoKernel != "" {
				t.Log("the model alone: ", line.NoKernel)
				return
			}
			require.Equal(t, minSamples, line.Kernel.Samples)
			require.Positive(t, line.Kernel.Low)
			require.InDelta(t, line.Kernel.Median/line.Model.Median, line.Ratio, 1e-9)
		})
	}
}

// A second message of a fault finds the page present, which is not an error.
func TestBringTwice(t *testing.T) {
	for name, open := range map[string]maker{"model": newModel, "kernel": newKernel} {
		t.Run(name, func(t *testing.T) {
			w, err := open(false, 0)
			if err != nil {
				t.Skip(err)
			}
			defer w.Close()
			require.NoError(t, mapped(w.Main(), 0, 1))
			c := abi.Copy{Dst: page(0), Src: w.Main().Lend(make([]byte, pageSize)), Len: pageSize}
			for _, first := range []bool{true, false} {
				came, err := bring(w.Main(), &c)
				require.NoError(t, err)
				require.Equal(t, first, came)
			}
			c.Dst++
			_, err = bring(w.Main(), &c)
			require.ErrorIs(t, err, errno.EINVAL)
		})
	}
}

// The model's memory for an object is at least a word, and less than 2 KiB.
func TestMemory(t *testing.T) {
	for _, r := range alone() {
		if r.unit == "B" {
			v, err := r.sample()
			require.NoError(t, err, r.name)
			require.Greater(t, v, 7.9, r.name)
			require.Less(t, v, 2048., r.name)
		}
	}
}

// Scale runs with a hundredth of the full load.
func TestScale(t *testing.T) {
	steps, err := Scale(Load{VMAs: FullLoad.VMAs / 100, Sleepers: FullLoad.Sleepers / 100, Pages: FullLoad.Pages / 100})
	require.NoError(t, err)
	require.Len(t, steps, 5)
	for _, s := range steps {
		require.Positive(t, s.Took, s.What)
		require.Less(t, s.Memory, uint64(1<<30), s.What)
	}
}

func TestStat(t *testing.T) {
	require.Equal(t, &Stat{Median: 3, Low: 2, High: 4, Samples: 5}, statOf([]float64{5, 1, 4, 2, 3}))
	require.Equal(t, &Stat{Median: 2.5, Low: 1.75, High: 3.25, Samples: 4}, statOf([]float64{4, 3, 2, 1}))
	require.Equal(t, &Stat{Median: 7, Low: 7, High: 7, Samples: 1}, statOf([]float64{7}))
}

func TestChecks(t *testing.T) {
	at := func(ns float64) *Stat { return &Stat{Median: ns, Low: ns, High: ns, Samples: 1} }
	r := Report{Lines: []Line{
		{Name: pingPongRow, Model: at(200)},
		{Name: roundTripRead, Label: "a", AtMost: 1. / 8, Model: at(810), Kernel: at(8000), Ratio: 8000. / 810},
		{Name: wakeRow, Size: 1, Model: at(100)},
		{Name: wakeRow, Size: 5000, Model: at(200)},
		{Name: throughput, Model: at(1.79)},
	}}
	r.check()
	met := map[string]bool{}
	for _, c := range r.Checks {
		met[c.What] = c.Met
	}
	require.Equal(t, map[string]bool{
		"a: times as fast as the kernel":                   true,
		roundTripRead + ": in ping-pongs":                  false,
		"wake that matches nobody: growth from 1 to 5,000": true,
		throughput: false,
	}, met)
}

func TestReport(t *testing.T) {
	report, err := Run(Options{Only: "ping-pong", NoKernel: true, Time: time.Millisecond})
	require.NoError(t, err)
	var table, text bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Contains(t, table.String(), pingPongRow)
	require.NoError(t, report.WriteJSON(&text))
	var again Report
	require.NoError(t, json.Unmarshal(text.Bytes(), &again))
	require.Equal(t, report, &again)
	_, err = Run(Options{Only: "no such row"})
	require.ErrorContains(t, err, `no row has "no such row" in its name; the rows are`+"\n  "+pingPongRow+"\n  "+roundTripRead+"\n")
}

// The names of rows with a size of 1 are in the singular.
func TestNames(t *testing.T) {
	require.Contains(t, Names(), "copy that wakes one, 1 sleeper")
	require.Contains(t, Names(), "copy that wakes one, 100 sleepers")
}

// An interrupted measurement returns the rows that are complete.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var begun []string
	report, err := Run(Options{Only: "i", NoKernel: true, Context: ctx, Progress: func(what string) {
		if begun = append(begun, what); len(begun) == 2 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, begun, 2)
	require.Len(t, report.Lines, 1)
	require.Equal(t, begun[0], report.Lines[0].Label)
}

// Rows that the kernel cannot run for the same reason share a note, which fits in the
// width of the table.
func TestNotes(t *testing.T) {
	why := strings.Repeat("a reason ", 30)
	stat := &Stat{Median: 1, Low: 1, High: 1, Samples: 1}
	report := &Report{Lines: []Line{
		{Label: "a", Unit: "ns", Model: stat, NoKernel: why},
		{Label: "b", Unit: "ns", Model: stat, NoKernel: why},
		{Label: "c", Unit: "ns", Model: stat, NoKernel: "another"},
	}}
	var table bytes.Buffer
	require.NoError(t, report.WriteTable(&table))
	require.Equal(t, 3, strings.Count(table.String(), "[1]"), "two rows and a note")
	require.Equal(t, 2, strings.Count(table.String(), "[2]"))
	for line := range strings.Lines(table.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(line), noteWidth+1, line)
	}
}

// BenchmarkRows takes samples of every row on each side. "each" is the number in the
// table.
func BenchmarkRows(b *testing.B) {
	for _, r := range rows() {
		for _, s := range []struct {
			name string
			make maker
			run  func(func() (float64, error)) (float64, error)
		}{{"model", newModel, plainly}, {"kernel", newKernel, onKernel}} {
			b.Run(r.String()+"/"+s.name, func(b *testing.B) {
				side, err := open(&r, s.make, s.run)
				if err != nil {
					b.Skip(err)
				}
				defer side.close()
				b.ReportAllocs()
				for b.Loop() {
					if err := side.take(); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(statOf(side.samples).Median, "ns/each")
			})
		}
	}
}

// BenchmarkAlone takes samples of the rows without a kernel side. "each" is the number in
// the table.
func BenchmarkAlone(b *testing.B) {
	for _, r := range append(alone(), lone{pingPongRow, "ns", pingPong}) {
		b.Run(r.name, func(b *testing.B) {
			var samples []float64
			b.ReportAllocs()
			for b.Loop() {
				v, err := r.sample()
				if err != nil {
					b.Fatal(err)
				}
				samples = append(samples, v)
			}
			b.ReportMetric(statOf(samples).Median, r.unit+"/each")
		})
	}
}
