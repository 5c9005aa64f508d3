package page_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
	"github.com/uffdsim/uffdsim/lessons"
	"github.com/uffdsim/uffdsim/trace"
	"github.com/uffdsim/uffdsim/trace/browsertest"
	"github.com/uffdsim/uffdsim/trace/page"
	"github.com/uffdsim/uffdsim/trace/tracetest"
)

func html(t testing.TB, s trace.Stream) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, page.Write(&b, s))
	return b.String()
}

// open writes the page of a stream to a file, and loads it.
func open(t testing.TB, b *browsertest.Browser, name string, s trace.Stream) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".html")
	require.NoError(t, os.WriteFile(file, []byte(html(t, s)), 0o666))
	b.Do(chromedp.Navigate("about:blank"), chromedp.Navigate("file://"+file))
}

// shown is the content of a page at a step.
type shown struct {
	Seq      int               `json:"seq"`
	Said     string            `json:"said"`
	Tasks    map[string]string `json:"tasks"`
	VMAs     []string          `json:"vmas"`
	Present  []string          `json:"present"`
	Queues   map[string]string `json:"queues"`
	Contexts map[string]string `json:"contexts"`
	Walk     []string          `json:"walk"`
}

// look goes through steps of the page, and records the content of the screen at each.
const look = `(steps => steps.map(seq => {
	go(seq);
	const all = (sel, f) => [...document.querySelectorAll(sel)].map(f);
	const table = (sel, key, value) => Object.fromEntries(all(sel, e => [key(e), value(e)]));
	return {
		seq: Number(document.getElementById("count").textContent.split(" ")[0]),
		said: document.getElementById("said").textContent,
		tasks: table("[data-task]", e => e.querySelector("b").textContent, e => e.dataset.state),
		vmas: all("[data-vma]", e => e.dataset.vma),
		present: all("[data-vma]", e => [...e.querySelectorAll(".cell")].map(c => c.classList.contains("there") ? "+" : "-").join("")),
		queues: table("[data-queue]", e => e.dataset.queue, e => [...e.children].map(li => li.textContent).join(" ")),
		contexts: table("[data-context]", e => e.dataset.context, e => e.querySelector("small").textContent),
		walk: all("[data-level]", e => e.dataset.level),
	};
}))(%s)`

// expected returns the content that trace.State implies.
func expected(e *trace.Event, s *trace.State, label func(string) string) shown {
	want := shown{Seq: e.Seq, Said: e.Sentence(label), Tasks: map[string]string{}, Queues: map[string]string{}, Contexts: map[string]string{}, VMAs: []string{}, Present: []string{}, Walk: []string{}}
	for _, t := range s.Tasks {
		want.Tasks[t.Name] = t.State
	}
	for _, sp := range s.Spaces {
		if sp.Gone {
			continue
		}
		want.VMAs = append(want.VMAs, sp.Maps(label)...)
		for _, v := range sp.VMAs {
			there := ""
			for at := v.Start; at < v.End && len(there) < 64; at += 4096 {
				there += map[bool]string{true: "+", false: "-"}[sp.Present(at)]
			}
			want.Present = append(want.Present, there)
		}
	}
	for _, c := range s.Contexts {
		for i, name := range trace.QueueNames() {
			want.Queues[c.Name+" "+name] = strings.Join(c.Queues[i], " ")
		}
		state := strings.ToLower(strings.TrimPrefix(c.State, "UFFD_STATE_"))
		if c.Released {
			state = "released"
		}
		plural := "s"
		if c.Refs == 1 {
			plural = ""
		}
		want.Contexts[c.Name] = fmt.Sprintf("%s, %d reference%s", state, c.Refs, plural)
		if c.Freed {
			want.Contexts[c.Name] = "freed"
		}
	}
	if sp := s.Space(s.TouchedSpace); sp != nil {
		want.Walk = sp.Walk(s.Touched)
	} else if s.TouchedSpace != "" {
		want.Walk = (&trace.Space{}).Walk(s.Touched)
	} else if i := slices.IndexFunc(s.Spaces, func(sp *trace.Space) bool { return !sp.Gone && len(sp.VMAs) > 0 }); i >= 0 {
		want.Walk = s.Spaces[i].Walk(s.Spaces[i].VMAs[0].Start)
	}
	return want
}

// The page shows the state of the stream, in every lesson and in failed runs: forward to
// the end, at the end of each statement and at every third step, and back to the
// beginning, at every ninth.
func TestPageShowsTheStream(t *testing.T) {
	b := browsertest.OpenStill(t)
	streams, all := map[string]trace.Stream{}, lessons.All()
	if testing.Short() {
		all = all[:2]
	} else {
		streams = tracetest.Counterexamples(t)
	}
	for _, l := range all {
		streams[l.Name] = tracetest.Scenario(t, l.Name, l.Source)
	}
	for name, s := range streams {
		var want []shown
		var state trace.State
		label := s.Labels()
		steps := []int{}
		for i := range s {
			state.Apply(&s[i])
			if i%3 == 0 || s[i].Kind == "op_end" || i == len(s)-1 {
				want = append(want, expected(&s[i], &state, label))
				steps = append(steps, i+1)
			}
		}
		open(t, b, name, s)
		for _, back := range []bool{false, true} {
			if back {
				slices.Reverse(steps)
				slices.Reverse(want)
				steps = slices.DeleteFunc(steps, func(seq int) bool { return seq%9 != 1 })
				want = slices.DeleteFunc(want, func(w shown) bool { return w.Seq%9 != 1 })
			}
			list, err := json.Marshal(steps)
			require.NoError(t, err)
			got := browsertest.Eval[[]shown](b, fmt.Sprintf(look, list))
			for i := range want {
				require.Equal(t, want[i], got[i], "%s, step %d", name, steps[i])
			}
		}
	}
	b.NoComplaints()
}

// The keys, the buttons, the slider and the links go to the right step, and the address
// contains the step.
func TestControls(t *testing.T) {
	l := lessons.All()[0]
	s := tracetest.Scenario(t, l.Name, l.Source)
	b := browsertest.Open(t)
	open(t, b, l.Name, s)
	at := func(want int, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		b.Do(actions...)
		got := browsertest.Eval[int](b, "run.seq")
		require.Equal(t, want, got)
		if len(actions) > 0 {
			hash := browsertest.Eval[string](b, "location.hash")
			require.Equal(t, fmt.Sprintf("#step=%d", want), hash)
		}
	}
	var ends []int
	for _, e := range s {
		if e.Kind == "op_end" {
			ends = append(ends, e.Seq)
		}
	}
	at(1)
	at(2, chromedp.KeyEvent(kb.ArrowRight))
	at(3, chromedp.KeyEvent(kb.ArrowRight))
	at(2, chromedp.KeyEvent(kb.ArrowLeft))
	at(ends[0], chromedp.KeyEvent(kb.PageDown))
	at(ends[1], chromedp.KeyEvent(kb.PageDown))
	at(ends[0], chromedp.KeyEvent(kb.PageUp))
	at(len(s), chromedp.KeyEvent(kb.End))
	at(len(s), chromedp.KeyEvent(kb.ArrowRight))
	at(1, chromedp.KeyEvent(kb.Home))
	at(2, chromedp.Click("#forth"))
	at(1, chromedp.Click("#back"))
	at(len(s), chromedp.Click("#last"))
	at(40, chromedp.Evaluate[chromedp.Void](`slider.value = 40; slider.dispatchEvent(new Event("input"))`))
	at(7, chromedp.Evaluate[chromedp.Void](`location.hash = "#step=7"`), chromedp.Sleep(50*time.Millisecond))
	first := slices.IndexFunc(s, func(e trace.Event) bool { return e.Kind == "op_begin" && e.Str("text") == "load(0x101000)" }) + 1
	line := s[first-1].Int("line")
	at(first, chromedp.Click(fmt.Sprintf(`[data-line="%d"] a`, line)), chromedp.Sleep(50*time.Millisecond))
	running := browsertest.Eval[string](b, `document.querySelector("#lines [aria-current]").dataset.line`)
	require.Equal(t, fmt.Sprint(line), running)

	// A click on a page follows it through the page table.
	b.Do(chromedp.Click(`[aria-label^="0x102000:"]`))
	walk := browsertest.Eval[string](b, `document.querySelector("#walk code").textContent`)
	require.Equal(t, "0x102000", walk)

	// Play continues until it is stopped.
	b.Do(chromedp.Click("#play"), chromedp.Sleep(1500*time.Millisecond), chromedp.Click("#play"))
	seq := browsertest.Eval[int](b, "run.seq")
	require.Greater(t, seq, first)
	b.NoComplaints()
}

// Every part of a scenario is shown as text, and never as HTML.
func TestHostileText(t *testing.T) {
	evil := `</script><script>document.title="broken"</script><img src=x onerror="document.title='broken'">` + "\u2028"
	s := trace.Stream{
		{Seq: 1, Kind: "run_begin", Args: trace.Args{{Key: "kernel", Value: evil}, {Key: "source", Value: evil}, {Key: "lines", Value: []string{evil}}}},
		{Seq: 2, Op: 1, Kind: "op_begin", Object: evil, Args: trace.Args{{Key: "line", Value: 1}, {Key: "text", Value: evil}, {Key: "as", Value: evil}}},
		{Seq: 3, Op: 1, Task: evil, Func: evil, Kind: "task_new", Object: evil, Args: trace.Args{{Key: "mm", Value: evil}}},
		{Seq: 4, Op: 1, Kind: "op_end", Object: evil, Args: trace.Args{
			{Key: "line", Value: 1}, {Key: "answer", Value: evil}, {Key: "block", Value: []string{evil}}, {Key: "ok", Value: true}, {Key: "as", Value: evil}, {Key: "name", Value: ""},
		}},
		{Seq: 5, Kind: "run_end", Args: trace.Args{{Key: "ok", Value: false}, {Key: "finding", Value: evil}}},
	}
	b := browsertest.Open(t)
	open(t, b, "evil", s)
	title := browsertest.Eval[string](b, "for (let i = 1; i <= 5; i++) go(i); document.title")
	require.NotEqual(t, "broken", title)
	line := browsertest.Eval[string](b, `document.querySelector("#lines a").textContent`)
	require.Equal(t, evil, line)
	images := browsertest.Eval[int](b, "document.images.length")
	require.Zero(t, images)
	b.NoComplaints()
}

// Streams that no run produces can be stepped through, without an error in the browser.
func TestOddStreams(t *testing.T) {
	b := browsertest.OpenStill(t)
	for name, s := range tracetest.Odd(t) {
		open(t, b, strings.ReplaceAll(name, " ", "-"), s)
		seq := browsertest.Eval[int](b, fmt.Sprintf("for (let i = 1; i <= %d; i++) go(i); run ? run.seq : 0", len(s)))
		require.Equal(t, len(s), seq, name)
	}
	b.NoComplaints()
}

// checkPage requires that a page's data is JSON that ends no element, and that every
// event has the details that the script reads.
func checkPage(t *testing.T, s trace.Stream) {
	text := html(t, s)
	_, data, ok := strings.Cut(text, `<script id="data" type="application/json">`)
	require.True(t, ok)
	data, _, ok = strings.Cut(data, "</script>")
	require.True(t, ok)
	require.NotContains(t, data, "<")
	var d page.Data
	require.NoError(t, json.Unmarshal([]byte(data), &d))
	require.Len(t, d.Events, len(s))
	for i := range d.Events {
		require.Equal(t, i+1, d.Events[i].Seq)
	}
}

func FuzzWrite(f *testing.F) { tracetest.Fuzz(f, checkPage) }

// The page contains the events of a run unchanged.
func TestEventsAsTheyAre(t *testing.T) {
	for _, l := range lessons.All() {
		s := tracetest.Scenario(t, l.Name, l.Source)
		for i, e := range page.DataOf(s).Events {
			if len(s[i].Args) == 0 {
				s[i].Args = nil
			}
			require.Equal(t, s[i], e.Event, l.Name)
		}
	}
}

// The page is one file: it loads nothing else, and has no permission to.
func TestSelfContained(t *testing.T) {
	l := lessons.All()[0]
	text := html(t, tracetest.Scenario(t, l.Name, l.Source))
	require.NotRegexp(t, regexp.MustCompile(`(src|href)=["']?(https?:|//|/)|@import|url\(`), text)
	require.Contains(t, text, "default-src 'none'")
	for _, l := range lessons.All() {
		require.Less(t, len(html(t, tracetest.Scenario(t, l.Name, l.Source))), 1_000_000, l.Name)
	}
}
